"""Image files as an array that is read when it is indexed."""

import contextlib
import hashlib
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnnkit.data import cache
from cnnkit.data.images import decode, jpeg, pixel_cache, threads
from cnnkit.data.images.decode import BadImage, display
from cnnkit.errors import BadFilesError


@dataclass(frozen=True)
class Decoding:
    """What shape pictures are given, and how: see `cnnkit.data.images.decode`."""

    image_size: tuple[int, int]
    channels: int = 3
    fit: str = "stretch"

    def __post_init__(self):
        decode.check_settings(self.image_size, self.channels, self.fit)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one picture: (height, width, channels)."""
        return (*self.image_size, self.channels)

    @property
    def name(self) -> str:
        """All that the pixels depend on beside the file, as a folder's name in the cache."""
        shape = "x".join(map(str, self.shape))
        return f"{shape}-{self.fit}{cache.DECODED}{decode.VERSION}-{jpeg.name()}"

    def __call__(self, content: bytes) -> np.ndarray:
        """Return the pixels of a file's bytes; raises BadImage."""
        return decode.decode(content, self.image_size, channels=self.channels, fit=self.fit)


class Pictures:
    """Image files as an array of uint8, shape (images, height, width, channels).

    `pictures[indices]` reads from the cache what is there, and decodes the rest in threads; it
    raises BadFilesError where a file is no longer what it was when it was checked.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(
        self,
        root: Path,
        paths: Sequence[str],
        digests: Sequence[bytes],
        decoding: Decoding,
        store: pixel_cache.PixelCache | None = None,
    ):
        # Pictures are read later, and perhaps in another working folder.
        self.root, self.paths, self.digests = root.absolute(), tuple(paths), tuple(digests)
        self.decoding, self.store = decoding, store

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(images, height, width, channels)."""
        return (len(self), *self.decoding.shape)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, indices) -> np.ndarray:
        chosen = np.arange(len(self))[indices]
        positions = np.atleast_1d(chosen).tolist()
        pixels = np.empty((len(positions), *self.decoding.shape), np.uint8)
        missing: Sequence[int] = range(len(positions))
        if self.store is not None:
            missing = self.store.read([self.digests[i] for i in positions], pixels)
        for place, picture in zip(
            missing, threads.ordered(self._decoded, [positions[i] for i in missing], chunk=1),
            strict=True,
        ):  # fmt: skip
            pixels[place] = picture
            if self.store is not None:
                self.store.mend(self.digests[positions[place]], picture)
        return pixels if np.ndim(chosen) else pixels[0]

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return self[:].astype(dtype or self.dtype, copy=False)

    def content_hash(self) -> str:
        """SHA-256 over the settings and the files' own SHA-256, as a hexadecimal string."""
        digest = hashlib.sha256(f"{self.decoding} {decode.VERSION}".encode())
        for own in self.digests:
            digest.update(own)
        return digest.hexdigest()

    def _decoded(self, position: int) -> np.ndarray:
        path = self.paths[position]
        try:
            content = decode.read(self.root / path)
            if hashlib.sha256(content).digest() != self.digests[position]:
                raise BadImage("has changed since it was checked")
            return self.decoding(content)
        except BadImage as reason:
            raise BadFilesError(
                f"A file under {display(self.root)} can no longer be used; load the data again:",
                {display(path): str(reason)},
            ) from None


@dataclass(frozen=True)
class Checked:
    """What came of reading every file once.

    digests: SHA-256 of each file's bytes, in the order of the files; None for a bad one.
    bad: path and reason of the others. store: where the pixels are kept, or None.
    """

    digests: list[bytes | None]
    bad: dict[str, str]
    store: pixel_cache.PixelCache | None


def check(
    root: Path, paths: Sequence[str], decoding: Decoding, *, keep: bool = True, progress=iter
) -> Checked:
    """Read and decode every file once, so that all bad ones are known before training starts.

    keep: store the pixels in the cache, where its limit allows; a cache that cannot be written is
    warned of (RuntimeWarning) and done without. progress: wraps the iteration over the files.
    """
    store = _store(decoding, len(paths)) if keep else None
    if store is not None:
        try:
            with store.adding() as writer:
                digests, bad = _decode_all(root, paths, decoding, store, writer.add, progress)
            return Checked(digests, bad, store)
        except OSError as error:
            warnings.warn(
                f"The cache {cache.cache_folder()} cannot be written ({error.strerror}), so every "
                "epoch decodes its images anew; CNNKIT_CACHE names another folder.",
                RuntimeWarning,
                stacklevel=3,
            )
    return Checked(*_decode_all(root, paths, decoding, (), lambda *found: None, progress), None)


def _store(decoding: Decoding, images: int) -> pixel_cache.PixelCache | None:
    if images * int(np.prod(decoding.shape)) > cache.limit():
        return None
    return pixel_cache.PixelCache(decoding.name, decoding.shape)


def _decode_all(
    root: Path,
    paths: Iterable[str],
    decoding: Decoding,
    known,
    keep: Callable[[bytes, np.ndarray], None],
    progress,
) -> tuple[list[bytes | None], dict[str, str]]:
    def read(path: str) -> bytes | BadImage:
        try:
            content = decode.read(root / path)
            digest = hashlib.sha256(content).digest()
            if digest not in known:
                keep(digest, decoding(content))  # here, so that no pixels wait for another thread
        except BadImage as reason:
            return reason
        return digest

    digests, bad = [], {}
    with contextlib.closing(threads.ordered(read, paths)) as found_in_turn:
        for path, found in zip(paths, progress(found_in_turn), strict=True):
            if isinstance(found, BadImage):
                bad[path], found = str(found), None
            digests.append(found)
    return digests, bad
