"""A folder, or a table, of sound files as a Dataset of waveforms."""

import hashlib
import importlib.util
import math
import os
from pathlib import Path

import numpy as np

from cnnkit.data.dataset import Dataset, Split
from cnnkit.data.files.assign import assign, require_every_class
from cnnkit.data.files.listing import list_folder
from cnnkit.data.files.table import SUFFIXES as TABLES, list_table
from cnnkit.data.images.decode import display
from cnnkit.errors import BadFilesError, SettingError

SUFFIXES = (".wav", ".flac", ".ogg")


def sounds(
    path: str | os.PathLike, *, seconds: float = 1.0, sampling_rate: int = 8000,
    validation: float = 0.1, test: float = 0.1, split_seed: int = 0, skip_bad: bool = False,
) -> Dataset:  # fmt: skip
    """Return the sounds of a folder, CLASS/SOUND or SPLIT/CLASS/SOUND, or of a table of paths.

    Inputs are waveforms, float32 in [-1, 1], shape (samples, seconds * sampling_rate): several
    channels become their mean, another sampling rate is converted, what is longer is cut and what
    is shorter ends in silence. A network reads them as they are, or as log-mel spectrograms:
    `models.convnet(data.image_shape, data.num_classes, sampling_rate=8000)`.

    path: a folder as `cnnkit.data.files.listing` has it, or a .csv or .parquet as `cnnkit.data.files.table`,
        with the same labels. The files are WAV, FLAC, Ogg or what else libsndfile reads.
    validation, test: fractions of every class for splits that are not given; split_seed draws them,
        and files of the same content end in the same split.
    skip_bad: go on without files that cannot be read; `left_out` of the Dataset names them.

    Raises MissingDataError where nothing is at the path, BadFilesError with every bad file unless
    skip_bad, SettingError for settings that allow no data set, or without the extra "sound".
    """
    if seconds <= 0 or sampling_rate < 1:
        raise SettingError(f"Both are above 0: {seconds=}, {sampling_rate=}.")
    _require_libraries()
    root = Path(path)
    listing = (list_table if root.suffix.lower() in TABLES else list_folder)(root)
    length = round(seconds * sampling_rate)
    waves, bad = {}, {display(name): reason for name, reason in listing.bad.items()}
    digests = {}
    for number, file in enumerate(listing.files):
        try:
            content = (listing.root / file.path).read_bytes()
            waves[number] = decode(listing.root / file.path, length, sampling_rate)
            digests[number] = hashlib.sha256(content).digest()
        except (OSError, ValueError) as error:
            bad[display(file.path)] = f"cannot be read as a sound: {_reason(error)}"
    if bad and not skip_bad:
        raise BadFilesError(
            f"{len(bad)} of the files under {display(root)} cannot be read; mend them, move them "
            "away, or leave them out (skip_bad=True):",
            bad,
        )
    good = list(digests)
    files = [listing.files[number] for number in good]
    splits, repeated = assign(
        files, [digests[number] for number in good], listing.class_names, seed=split_seed,
        fractions={"validation": validation, "test": test}, stratify=not listing.multi_label,
    )  # fmt: skip
    require_every_class([files[position] for position in splits["train"]], listing.class_names)

    def split(positions: list[int]) -> Split:
        inputs = [waves[good[position]] for position in positions]
        return Split(np.stack(inputs), listing.labels_of(files[i] for i in positions))

    return Dataset(
        name=root.stem if root.is_file() else display(root.resolve().name),
        **{name: split(positions) for name, positions in splits.items()},
        class_names=listing.class_names,
        value_range=(-1, 1),
        source=f"{len(files):,} sound files, {sampling_rate} samples a second",
        left_out={display(name): why for name, why in (listing.ignored | repeated).items()} | bad,
    )


def decode(path: str | os.PathLike, length: int, sampling_rate: int) -> np.ndarray:
    """Return a sound file's first `length` samples at that rate, float32 in [-1, 1].

    Raises ValueError for a file that is no sound, holds none, or holds NaN.
    """
    import soundfile
    from scipy.signal import resample_poly

    try:
        with soundfile.SoundFile(path) as file:
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
    wave = np.clip(wave[:length], -1, 1)  # converting the rate may go a little beyond
    return np.pad(wave, (0, length - len(wave)))


def _require_libraries() -> None:
    missing = [name for name in ("soundfile", "scipy") if importlib.util.find_spec(name) is None]
    if missing:
        raise SettingError(
            f'Reading sounds needs {" and ".join(missing)}: pip install "cnnkit[sound]".'
        )


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).rstrip(".").lower()
