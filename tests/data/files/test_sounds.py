import numpy as np
import pytest
from scipy import signal
from scipy.io import wavfile

from cnnkit import data
from cnnkit.data.files.sounds import decode
from cnnkit.errors import BadFilesError, MissingDataError, SettingError

pytestmark = pytest.mark.once

soundfile = pytest.importorskip("soundfile")


def tone(hertz, seconds=0.5, rate=8000, loudness=0.5):
    return loudness * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def folder_of_tones(root, classes=("low", "high"), each=12):
    for number, name in enumerate(classes):
        (root / name).mkdir(parents=True)
        for index in range(each):
            wave = tone(300 * (number + 1) + index, seconds=0.3)
            soundfile.write(root / name / f"{index}.wav", wave, 8000)
    return root


def strongest(wave, rate=8000):
    return np.abs(np.fft.rfft(wave)).argmax() * rate / len(wave)


def test_a_folder_becomes_waveforms_of_one_length(tmp_path):
    found = data.sounds(folder_of_tones(tmp_path / "tones"), seconds=0.5)
    assert found.class_names == ("high", "low")
    assert found.image_shape == (4000,)
    assert found.train.inputs.dtype == np.float32
    assert [sum(counts) for counts in found.counts().values()] == [20, 2, 2]
    for wave, label in zip(found.train.inputs, found.train.labels, strict=True):
        assert (strongest(wave[:2400]) > 450) == (found.class_names[label] == "high")
        assert not wave[2400:].any()  # the file's 0.3 s, then silence


def test_sixteen_bits_are_read_as_scipy_reads_them(tmp_path):
    path = tmp_path / "noise.wav"
    samples = np.random.default_rng(0).integers(-(2**15), 2**15, 900, dtype=np.int16)
    wavfile.write(path, 8000, samples)
    np.testing.assert_allclose(decode(path, 900, 8000), samples / 2**15, atol=1e-7)


def test_channels_become_their_mean_and_formats_are_alike(tmp_path):
    both = np.stack([tone(400), tone(1200)], axis=1)
    soundfile.write(tmp_path / "a.wav", both, 8000, subtype="PCM_16")
    soundfile.write(tmp_path / "a.flac", both, 8000, subtype="PCM_16")
    (tmp_path / "misnamed.wav").write_bytes((tmp_path / "a.flac").read_bytes())
    wave = decode(tmp_path / "a.wav", 4000, 8000)
    np.testing.assert_allclose(wave, both.mean(axis=1), atol=1e-4)
    for other in ("a.flac", "misnamed.wav"):
        np.testing.assert_allclose(decode(tmp_path / other, 4000, 8000), wave, atol=1e-4)


@pytest.mark.parametrize("rate", [4000, 11025, 44100])
def test_another_sampling_rate_is_converted(tmp_path, rate):
    soundfile.write(tmp_path / "a.wav", tone(440, seconds=1, rate=rate), rate)
    wave = decode(tmp_path / "a.wav", 8000, 8000)
    assert strongest(wave) == pytest.approx(440, abs=1)
    np.testing.assert_allclose(wave[500:-500], tone(440, seconds=1)[500:-500], atol=0.02)


def test_bad_files_are_named_all_together(tmp_path):
    root = folder_of_tones(tmp_path / "tones")
    (root / "low" / "empty.wav").touch()
    (root / "low" / "text.wav").write_text("this is no sound")
    soundfile.write(root / "high" / "none.wav", np.zeros(0), 8000)
    soundfile.write(root / "high" / "nan.wav", np.full(9, np.nan), 8000, subtype="FLOAT")
    cut = (root / "low" / "0.wav").read_bytes()[:20]
    (root / "low" / "cut.wav").write_bytes(cut)
    bad = {"low/empty.wav", "low/text.wav", "low/cut.wav", "high/none.wav", "high/nan.wav"}
    with pytest.raises(BadFilesError, match="5 of the files") as caught:
        data.sounds(root)
    assert set(caught.value.reasons) == bad
    found = data.sounds(root, skip_bad=True)
    assert set(found.left_out) == bad
    assert sum(map(sum, found.counts().values())) == 24


def test_one_sound_under_two_names_is_in_one_split(tmp_path):
    root = folder_of_tones(tmp_path / "tones")
    for split in ("train", "test"):
        (tmp_path / "given" / split).mkdir(parents=True)
        for name in ("low", "high"):
            (tmp_path / "given" / split / name).symlink_to(root / name)
    copy = tmp_path / "given" / "test" / "deep"
    copy.mkdir()
    (copy / "copy.wav").write_bytes((root / "low" / "3.wav").read_bytes())
    with pytest.raises(SettingError, match="nothing to train on of deep"):
        data.sounds(tmp_path / "given")


def test_a_table_names_files_and_labels(tmp_path):
    folder_of_tones(tmp_path / "tones")
    rows = [f"tones/{kind}/{n}.wav,{kind}" for kind in ("low", "high") for n in range(12)]
    (tmp_path / "list.csv").write_text("path,label\n" + "\n".join(rows))
    found = data.sounds(tmp_path / "list.csv", validation=0.25)
    assert found.counts()["validation"] == [3, 3]


def test_settings_and_paths_that_cannot_be(tmp_path, monkeypatch):
    with pytest.raises(SettingError, match="seconds=0"):
        data.sounds(tmp_path, seconds=0)
    with pytest.raises(MissingDataError, match="no folder"):
        data.sounds(tmp_path / "nowhere")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SettingError, match=r"cnnkit\[sound\]"):
        data.sounds(tmp_path)


def test_a_path_is_loaded_as_what_it_holds(tmp_path):
    found = data.load(str(folder_of_tones(tmp_path / "tones")), seconds=0.4)
    assert found.image_shape == (3200,)


def pitches(wave):
    """The strongest frequency in Hz over time, where there is sound, as SciPy hears it."""
    frequencies, _, power = signal.spectrogram(wave, 8000, nperseg=512, noverlap=384)
    loud = power.max(axis=0) > 0.2 * power.max()
    return frequencies[power.argmax(axis=0)][loud]


def test_chirps_do_what_their_class_says():
    found = data.chirps(train=80, validation=8, test=8, noise=0.0)
    for wave, label in zip(found.train.inputs, found.train.labels, strict=True):
        heard = pitches(wave)
        rise, spread = heard[-1] / heard[0], heard.max() / heard.min()
        kind = found.class_names[label]
        assert (rise > 1.25) == (kind == "rising") or kind == "wavering"
        assert (rise < 0.8) == (kind == "falling") or kind == "wavering"
        assert (spread < 1.25) == (kind == "steady")


def test_chirps_are_drawn_anew_for_each_split_and_seed():
    one, same, other = (data.chirps(train=8, validation=8, test=8, seed=s) for s in (1, 1, 2))
    assert one.content_hash == same.content_hash != other.content_hash
    waves = np.concatenate([split.inputs for split in one.splits.values()])
    assert len(np.unique(waves, axis=0)) == 24
    assert np.abs(waves).max() <= 1
    for settings in ({"noise": 1.0}, {"train": 3}, {"sampling_rate": 4000}, {"seconds": 0.01}):
        with pytest.raises(SettingError, match=next(iter(settings))):
            data.chirps(**settings)


def test_spoken_digits_are_all_read(shared):
    found = data.sounds(shared / "data" / "fsdd", seconds=0.6)
    assert found.class_names == tuple("0123456789")
    assert sum(map(sum, found.counts().values())) == 480
    assert not found.left_out
    assert 0.1 < np.abs(found.train.inputs).max(axis=1).mean() <= 1


def test_a_file_that_changes_while_it_is_read_is_read_once(tmp_path, monkeypatch):
    root = folder_of_tones(tmp_path / "tones")
    open_sound = soundfile.SoundFile

    def silence_first(*arguments, **options):
        for path in root.rglob("0.wav"):  # after its bytes were read and before they are decoded
            path.write_bytes(silent)
        return open_sound(*arguments, **options)

    soundfile.write(tmp_path / "silent.wav", np.zeros(2400), 8000)
    silent = (tmp_path / "silent.wav").read_bytes()
    monkeypatch.setattr(soundfile, "SoundFile", silence_first)
    splits = data.sounds(root, seconds=0.3).splits.values()
    # high/0.wav comes first; low/0.wav is silent by the time it is listed in turn.
    silences = sum(int((abs(split.inputs).max(axis=1) == 0).sum()) for split in splits)
    assert silences == 1
