"""How the content of a file becomes an input of a trained model: a picture, a sound or a text.

All kinds have the same face: `decode` reads one file's content, and may be called in many threads;
`batch` makes an array for the model of what `decode` returned.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from cnnkit.data.files import sounds, texts
from cnnkit.data.images import decode
from cnnkit.errors import BadFile

ACTS = {"stretch": "stretched", "crop": "cut to their centre and resized"}


@dataclass(frozen=True)
class PictureInput:
    """Pictures of one size.

    Attributes:
        image_size: (height, width) in pixels.
        channels: 1 for grey, 3 for colour.
        fit: How other proportions reach `image_size`: "stretch" or "crop".
        value_range: What black and white are for the model.
        kind: What an input is called.
        suffixes: Endings of the files that are taken from a folder.
    """

    image_size: tuple[int, int]
    channels: int = 3
    fit: str = "stretch"
    value_range: tuple[float, float] = (0, 255)
    kind: ClassVar[str] = "picture"
    suffixes: ClassVar[tuple[str, ...]] = (
        ".jpeg", ".jpg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif", ".heic",
        ".jp2", ".ppm", ".pgm",
    )  # fmt: skip

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one input: (height, width, channels)."""
        return (*self.image_size, self.channels)

    def __str__(self) -> str:
        height, width = self.image_size
        colour = "" if self.channels == 3 else ", in grey"
        return f"Images are {ACTS[self.fit]} to {height} x {width} pixels{colour}."

    def decode(self, content: bytes) -> np.ndarray:
        """Decode an image file.

        Args:
            content: The file's bytes.

        Returns:
            Pixels, uint8, of `shape`.

        Raises:
            BadFile: The file cannot be decoded; the message, such as "is empty", is the reason.
        """
        return decode.decode(content, self.image_size, channels=self.channels, fit=self.fit)

    def batch(self, samples: Sequence[np.ndarray]) -> np.ndarray:
        """Return decoded pictures as the model takes them.

        Args:
            samples: What `decode` returned, at least one.

        Returns:
            Shape (samples, height, width, channels); uint8, or float32 in a range other than 0 to 255.
        """
        pixels = np.stack(samples)
        low, high = self.value_range
        if (low, high) == (0, 255):
            return pixels
        return (low + (high - low) * (pixels / np.float32(255))).astype(np.float32)


@dataclass(frozen=True)
class SoundInput:
    """Waveforms of one length.

    Attributes:
        length: Number of samples of a waveform.
        sampling_rate: Samples a second.
        kind: What an input is called.
        suffixes: Endings of the files that are taken from a folder.
    """

    length: int
    sampling_rate: int
    kind: ClassVar[str] = "sound"
    suffixes: ClassVar[tuple[str, ...]] = sounds.SUFFIXES

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one input: (samples,)."""
        return (self.length,)

    def __str__(self) -> str:
        seconds = self.length / self.sampling_rate
        return f"Of each sound, the first {seconds:g} s count, at {self.sampling_rate} samples a second."

    def decode(self, content: bytes) -> np.ndarray:
        """Decode a sound file.

        Args:
            content: The file's bytes.

        Returns:
            Mono samples, float32 in [-1, 1], of `shape`.

        Raises:
            BadFile: The file cannot be decoded.
            SettingError: The extra "sound" is not installed.
        """
        sounds.require_libraries()
        try:
            return sounds.decode(content, self.length, self.sampling_rate)
        except ValueError as error:
            raise BadFile(f"cannot be read as a sound: {str(error).rstrip('.')}") from None

    def batch(self, samples: Sequence[np.ndarray]) -> np.ndarray:
        """Return decoded sounds as the model takes them.

        Args:
            samples: What `decode` returned, at least one.

        Returns:
            float32, shape (samples, length).
        """
        return np.stack(samples)


@dataclass(frozen=True)
class TextInput:
    """Texts as token numbers.

    Attributes:
        length: Number of tokens of a text.
        vocabulary: The word of each token number, as `Dataset.vocabulary` has them.
        kind: What an input is called.
        suffixes: Endings of the files that are taken from a folder.
    """

    length: int
    vocabulary: tuple[str, ...]
    kind: ClassVar[str] = "text"
    suffixes: ClassVar[tuple[str, ...]] = (".txt",)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one input: (tokens,)."""
        return (self.length,)

    def __str__(self) -> str:
        return f"Of each text, the first {self.length} words count."

    def decode(self, content: bytes) -> str:
        """Decode a text file.

        Args:
            content: The file's bytes.

        Returns:
            The text.

        Raises:
            BadFile: The file is not UTF-8.
        """
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            byte = error.object[error.start]
            raise BadFile(f"is no text in UTF-8: byte {error.start} is {byte:#x}") from None

    def batch(self, samples: Sequence[str]) -> np.ndarray:
        """Return texts as the model takes them.

        Args:
            samples: The texts, at least one.

        Returns:
            Token numbers, int32, shape (samples, length).
        """
        return self._tokens(samples)

    @cached_property
    def _tokens(self):
        return texts.tokenizer(self.vocabulary, self.length)


@dataclass(frozen=True)
class ArrayInput:
    """Inputs that are no pictures, sounds or texts: arrays only.

    Attributes:
        shape: Shape of one input.
        kind: What an input is called.
        suffixes: Endings of the files that are taken from a folder: none.
    """

    shape: tuple[int | None, ...]
    kind: ClassVar[str] = "array"
    suffixes: ClassVar[tuple[str, ...]] = ()

    def __str__(self) -> str:
        return f"Inputs are arrays of shape {self.shape}."

    def decode(self, content: bytes) -> np.ndarray:
        """Refuse every file.

        Args:
            content: The file's bytes.

        Raises:
            BadFile: Always.
        """
        raise BadFile(f"cannot be read, as the model takes arrays of shape {self.shape}")

    def batch(self, samples: Sequence[np.ndarray]) -> np.ndarray:
        """Return arrays as the model takes them.

        Args:
            samples: Arrays of `shape`, at least one.

        Returns:
            Shape (samples, *shape).
        """
        return np.stack(samples)


Inputs = PictureInput | SoundInput | TextInput | ArrayInput
