"""Image files as an array that is decoded, or read from the cache, when it is indexed."""

import contextlib
import functools
import hashlib
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnnkit.data import cache
from cnnkit.data.images import decode, jpeg, pixel_cache, threads
from cnnkit.data.images.decode import display
from cnnkit.errors import BadFilesError, BadImage


@dataclass(frozen=True)
class Decoding:
    """How image files become pixels of one shape; `cnnkit.data.images.decode` has the rules.

    Args:
        image_size: (height, width) in pixels.
        channels: 3 for RGB, 1 for grey.
        fit: How other proportions reach `image_size`: "stretch" or "crop".

    Raises:
        SettingError: A setting is not allowed.
    """

    image_size: tuple[int, int]
    channels: int = 3
    fit: str = "stretch"

    def __post_init__(self):
        decode.check_settings(self.image_size, self.channels, self.fit)
        object.__setattr__(
            self, "image_size", tuple(self.image_size)
        )  # a list would hash otherwise

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of a decoded picture: (height, width, channels)."""
        return (*self.image_size, self.channels)

    @property
    def name(self) -> str:
        """Folder in the cache: names everything that decoded pixels depend on, except the file."""
        shape = "x".join(map(str, self.shape))
        return f"{shape}-{self.fit}{cache.DECODED}{decode.VERSION}-{jpeg.name()}"

    def __call__(self, content: bytes) -> np.ndarray:
        """Decode an image file.

        Args:
            content: The file's bytes.

        Returns:
            Pixels, uint8, of `shape`.

        Raises:
            BadImage: The file cannot be decoded.
        """
        return decode.decode(content, self.image_size, channels=self.channels, fit=self.fit)


class Pictures:
    """Image files as an array of uint8, shape (images, height, width, channels).

    Indexing reads pixels from the cache and decodes, in threads, those that are not cached. It
    raises BadFilesError if a file has changed since `check` read it.

    Args:
        root: The folder of the files.
        paths: Of the files, below `root`.
        digests: SHA-256 of each file's bytes.
        decoding: How files become pixels.
        store: The cache; None decodes at every access.
        read: Returns the content of a path, where the files do not lie in `root`.
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
        read: Callable[[str], bytes] | None = None,
    ):
        # Pictures are read later, and perhaps in another working folder.
        self.root, self.paths, self.digests = root.absolute(), tuple(paths), tuple(digests)
        self.decoding, self.store, self._read = decoding, store, read or _reader(self.root)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(images, height, width, channels)."""
        return (len(self), *self.decoding.shape)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, indices) -> np.ndarray:
        selected = np.arange(len(self))[indices]
        positions = np.atleast_1d(selected).tolist()
        pixels = np.empty((len(positions), *self.decoding.shape), np.uint8)
        missing: Sequence[int] = range(len(positions))
        if self.store is not None:
            missing = self.store.read([self.digests[i] for i in positions], pixels)
        decoded = threads.ordered(self._decode, [positions[i] for i in missing], chunk=1)
        for row, picture in zip(missing, decoded, strict=True):
            pixels[row] = picture
            if self.store is not None:
                self.store.mend(self.digests[positions[row]], picture)
        return pixels if np.ndim(selected) else pixels[0]

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return self[:].astype(dtype or self.dtype, copy=False)

    def content_hash(self) -> str:
        """Hash the decoding settings and the files' contents.

        Returns:
            SHA-256 as a hexadecimal string.
        """
        digest = hashlib.sha256(f"{self.decoding} {decode.VERSION}".encode())
        for file_digest in self.digests:
            digest.update(file_digest)
        return digest.hexdigest()

    def _decode(self, position: int) -> np.ndarray:
        path = self.paths[position]
        try:
            content = self._read(path)
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
    """The result of `check`.

    Attributes:
        digests: SHA-256 of each file's bytes, in the order of the files; None for a bad file.
        bad: Reasons by path, of the files that cannot be decoded.
        store: The cache that holds the pixels, or None.
    """

    digests: list[bytes | None]
    bad: dict[str, str]
    store: pixel_cache.PixelCache | None


def check(
    root: Path, paths: Sequence[str], decoding: Decoding, *, keep: bool = True, progress=iter,
    read: Callable[[str], bytes] | None = None, chunk: int = threads.CHUNK,
) -> Checked:  # fmt: skip
    """Read and decode every file once, so that all bad files are known before training starts.

    Warns with a RuntimeWarning if the cache cannot be written, and goes on without it.

    Args:
        root: The folder of the files.
        paths: Of the files, below `root`.
        decoding: How files become pixels.
        keep: Store the pixels in the cache, if its limit allows.
        progress: Wraps the iterator over the files, for example with a progress bar.
        read: As of `Pictures`.
        chunk: How many files a thread takes at once; 1 reads them in about their order.

    Returns:
        Digests, bad files and the cache.
    """
    read = read or _reader(root)
    store = _store(decoding, len(paths)) if keep else None
    if store is not None:
        try:
            with store.adding() as writer:
                digests, bad = _decode_all(
                    read, paths, decoding, store, writer.add, progress, chunk
                )
            return Checked(digests, bad, store)
        except OSError as error:
            warnings.warn(
                f"The cache {cache.cache_folder()} cannot be written ({error.strerror}), so every "
                "epoch decodes its images again; CNNKIT_CACHE names another folder.",
                RuntimeWarning,
                stacklevel=3,
            )
    return Checked(*_decode_all(read, paths, decoding, (), _discard, progress, chunk), None)


def _discard(digest: bytes, pixels: np.ndarray) -> None:
    """Stand in for the writer of a cache."""


def _store(decoding: Decoding, images: int) -> pixel_cache.PixelCache | None:
    """Return the cache; None if all of the images would not fit."""
    if images * int(np.prod(decoding.shape)) > cache.limit():
        return None
    return pixel_cache.PixelCache(decoding.name, decoding.shape)


def _reader(root: Path) -> Callable[[str], bytes]:
    return functools.partial(_read_below, root)


def _read_below(root: Path, path: str) -> bytes:
    return decode.read(root / path)


def _decode_all(
    read: Callable[[str], bytes],
    paths: Iterable[str],
    decoding: Decoding,
    cached,
    add: Callable[[bytes, np.ndarray], None],
    progress,
    chunk: int,
) -> tuple[list[bytes | None], dict[str, str]]:
    """Decode and `add` every file whose digest is not in `cached`; return digests and bad files."""

    def check_file(path: str) -> bytes | BadImage:
        try:
            content = read(path)
            digest = hashlib.sha256(content).digest()
            if digest not in cached:
                add(digest, decoding(content))  # in this thread, so that no pixels pile up
        except BadImage as reason:
            return reason
        return digest

    digests: list[bytes | None] = []
    bad = {}
    with contextlib.closing(threads.ordered(check_file, paths, chunk)) as results:
        for path, result in zip(paths, progress(results), strict=True):
            if isinstance(result, BadImage):
                bad[path] = str(result)
                digests.append(None)
            else:
                digests.append(result)
    return digests, bad
