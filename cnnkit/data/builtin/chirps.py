"""Chirps: generated sounds whose pitch rises, falls, stays or wavers."""

import numpy as np

from cnnkit.data.dataset import Dataset, Split
from cnnkit.data.loader_calls import remembers_call
from cnnkit.errors import SettingError
from cnnkit.random_streams import Purpose, random_generator

CLASS_NAMES = ("rising", "falling", "steady", "wavering")
LOWEST, HIGHEST = 300.0, 3000.0  # Hz: the range of speech, below half of 8,000
LOUDEST_NOISE = 0.3


@remembers_call
def chirps(
    *, train: int = 800, validation: int = 200, test: int = 800, seconds: float = 0.5,
    sampling_rate: int = 8000, noise: float = 0.1, seed: int = 0,
) -> Dataset:  # fmt: skip
    """Generate sounds whose pitch rises or falls by about an octave, stays, or wavers.

    Pitch, loudness, start and end of each sound are random, so loudness and range of pitch say
    nothing about the class. Each split is drawn from (seed, split).

    Args:
        train: Training sounds, at least 4.
        validation: Validation sounds, at least 4.
        test: Test sounds, at least 4.
        seconds: Length of each sound.
        sampling_rate: Samples a second.
        noise: Standard deviation of the noise that is added, 0 to 0.3.
        seed: Draws the sounds.

    Returns:
        A Dataset of waveforms, float32 in [-1, 1], shape (samples, seconds * sampling_rate). The
        four classes alternate.

    Raises:
        SettingError: A number is out of range.
    """
    if not 0 <= noise <= LOUDEST_NOISE:
        raise SettingError(f"noise lies between 0 and {LOUDEST_NOISE}, not {noise}.")
    if min(train, validation, test) < len(CLASS_NAMES):
        raise SettingError(
            f"Each split needs at least {len(CLASS_NAMES)} samples, one a class: "
            f"{train=}, {validation=}, {test=}."
        )
    if sampling_rate < 2 * HIGHEST or seconds * sampling_rate < 256:
        raise SettingError(
            f"Chirps need at least {2 * HIGHEST:.0f} samples a second, and 256 in all: "
            f"{sampling_rate=}, {seconds=}."
        )
    time = np.arange(round(seconds * sampling_rate)) / sampling_rate
    splits = [
        _split(samples, time, noise, random_generator(seed, Purpose.CHIRPS, index))
        for index, samples in enumerate((train, validation, test))
    ]
    return Dataset(
        name="chirps",
        train=splits[0],
        validation=splits[1],
        test=splits[2],
        class_names=CLASS_NAMES,
        value_range=(-1, 1),
        source=f"generated from seed {seed}, {sampling_rate} samples a second",
        decoding={"sampling_rate": sampling_rate},
    )


def _split(samples: int, time: np.ndarray, noise: float, rng: np.random.Generator) -> Split:
    labels = np.arange(samples, dtype=np.int64) % len(CLASS_NAMES)
    waves = np.stack([_chirp(CLASS_NAMES[label], time, noise, rng) for label in labels])
    return Split(waves, labels)


def _chirp(kind: str, time: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    """Return one waveform, float32, of the shape of `time`."""
    along = time / time[-1]
    octaves = rng.uniform(0.7, 1.3)
    # The pitch may rise by 1.3 octaves and still be below HIGHEST.
    low = LOWEST * (HIGHEST / LOWEST / 2**1.3) ** rng.uniform()
    height = {
        "rising": along * octaves,
        "falling": (1 - along) * octaves,
        "steady": np.full_like(along, rng.uniform(0, octaves)),
        "wavering": octaves
        * (0.5 + 0.5 * np.sin(2 * np.pi * (rng.uniform(3, 6) * along + rng.uniform()))),
    }[kind]
    phase = np.cumsum(low * 2**height) * (time[1] - time[0])
    start, end = rng.uniform(0, 0.15), rng.uniform(0.85, 1)
    loudness = rng.uniform(0.2, 0.6) * ((along >= start) & (along <= end))
    wave = loudness * np.sin(2 * np.pi * phase) + rng.normal(0, noise, len(time))
    return np.clip(wave, -1, 1).astype(np.float32)
