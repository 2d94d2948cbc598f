"""A folder, or a table, of sound files as a Dataset of waveforms."""

import hashlib
import importlib.util
import io
import math
import os
from pathlib import Path

import numpy as np

from cnnkit.data.dataset import Dataset
from cnnkit.data.files.pipeline import ReadableFiles, list_path, name_of
from cnnkit.data.loader_calls import remembers_call
from cnnkit.errors import BadImage, SettingError

SUFFIXES = (".wav", ".flac", ".ogg")


@remembers_call
def sounds(
    path: str | os.PathLike, *, seconds: float = 1.0, sampling_rate: int = 8000,
    validation: float = 0.1, test: float = 0.1, split_seed: int = 0, skip_bad: bool = False,
) -> Dataset:  # fmt: skip
    """Load the sounds of a folder, or of a table of paths.

    Several channels become their mean. Another sampling rate is converted. Longer sounds are cut;
    shorter ones end in silence. `models.convnet(data.image_shape, data.num_classes,
    sampling_rate=8000)` reads them as log-mel spectrograms.

    Args:
        path: A folder CLASS/SOUND or SPLIT/CLASS/SOUND, or a .csv or .parquet file with a column of
            paths and a column `label` or `labels`. Files are WAV, FLAC, Ogg, or what else
            libsndfile reads.
        seconds: Length of each waveform, above 0.
        sampling_rate: Samples a second, at least 1.
        validation: Fraction of every class for a validation split, unless the folder has one.
        test: Fraction of every class for a test split, unless the folder has one.
        split_seed: Draws the splits. Files with the same content end in the same split.
        skip_bad: Leave out files that cannot be read; `Dataset.left_out` names them.

    Returns:
        A Dataset of waveforms, float32 in [-1, 1], shape (samples, seconds * sampling_rate).

    Raises:
        MissingDataError: There is nothing at the path.
        BadFilesError: Files cannot be read, and `skip_bad` is False; all of them are named.
        SettingError: The settings allow no data set, or the extra "sound" is not installed.
    """
    if seconds <= 0 or sampling_rate < 1:
        raise SettingError(f"Both are above 0: {seconds=}, {sampling_rate=}.")
    require_libraries()
    path = Path(path)
    listing = list_path(path)
    length = round(seconds * sampling_rate)
    digests: list[bytes | None] = []
    waveforms, bad = [], {}
    for file in listing.files:
        try:
            content = listing.read(file.path)
            waveforms.append(decode(content, length, sampling_rate))
            digests.append(hashlib.sha256(content).digest())
        except (BadImage, OSError, ValueError) as error:
            digests.append(None)
            bad[file.path] = f"cannot be read as a sound: {_reason(error)}"
    readable = ReadableFiles(listing, digests, bad, skip_bad=skip_bad)
    splits = readable.split({"validation": validation, "test": test}, split_seed)
    return readable.dataset(
        name_of(path),
        splits,
        lambda positions: np.stack([waveforms[i] for i in positions]),
        value_range=(-1, 1),
        source=f"{len(waveforms):,} sound files, {sampling_rate} samples a second",
        decoding={"sampling_rate": sampling_rate},
    )


def decode(sound: bytes | str | os.PathLike, length: int, sampling_rate: int) -> np.ndarray:
    """Decode the beginning of a sound.

    Args:
        sound: The content of a sound file, or its path.
        length: Number of samples to return.
        sampling_rate: Samples a second to convert to.

    Returns:
        Mono samples, float32 in [-1, 1], shape (length,).

    Raises:
        ValueError: The file is no sound, is empty, or holds values that are not finite.
    """
    import soundfile  # an optional extra
    from scipy.signal import resample_poly  # an optional extra

    try:
        with soundfile.SoundFile(io.BytesIO(sound) if isinstance(sound, bytes) else sound) as file:
            shared = math.gcd(file.samplerate, sampling_rate)
            up, down = sampling_rate // shared, file.samplerate // shared
            wave = file.read(-(-length * down // up) + down, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise ValueError(error.error_string) from None
    if not len(wave):
        raise ValueError("it holds no sound")
    if not np.isfinite(wave).all():
        raise ValueError("it holds samples that are no numbers")
    wave = wave.mean(axis=1)
    if up != down:
        wave = resample_poly(wave, up, down).astype(np.float32)
    wave = np.clip(wave[:length], -1, 1)  # resampling may overshoot a little
    return np.pad(wave, (0, length - len(wave)))


def require_libraries() -> None:
    """Raise SettingError unless the extra "sound" is installed."""
    missing = [name for name in ("soundfile", "scipy") if importlib.util.find_spec(name) is None]
    if missing:
        raise SettingError(
            f'Reading sounds needs {" and ".join(missing)}: pip install "cnnkit[sound]".'
        )


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).rstrip(".").lower()
