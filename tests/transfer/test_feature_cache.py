"""Features are computed once, whatever happens to their files."""

import errno
import os
import re
import resource
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from seen_features import asked_of, kept

from cnnkit import transfer
from cnnkit.cli import main
from cnnkit.data import cache
from cnnkit.transfer import feature_cache as kept_features
from cnnkit.transfer.extraction import AugmentedViews, dataset_features

pytestmark = pytest.mark.filterwarnings("ignore:The backbone .* is untrained")


def test_features_are_computed_once(photos, body, own_image_cache):
    first = transfer.features(body, photos)
    written = {path: path.stat().st_ino for path in kept(own_image_cache)}
    second = transfer.features(body, photos)
    assert len(written) == 3
    assert {path: path.stat().st_ino for path in kept(own_image_cache)} == written
    np.testing.assert_array_equal(first.train.inputs, second.train.inputs)


@pytest.mark.once
def test_other_weights_and_other_precision_are_kept_apart(photos, body, own_image_cache):
    transfer.features(body, photos)
    half = transfer.features(body, photos, half=True)
    other = transfer.backbone("mobilenet_025", (32, 32, 3), weights="none")
    transfer.features(other, photos)
    assert half.train.inputs.dtype == "float16"
    assert len(kept(own_image_cache)) == 9


def test_the_same_network_built_again_finds_what_is_kept(photos, body, own_image_cache):
    transfer.features(body, photos)
    again = transfer.backbone("mobilenet_025", (32, 32, 3), weights="none")
    again.set_weights(body.get_weights())
    transfer.features(again, photos)
    assert len(kept(own_image_cache)) == 3


@pytest.mark.once
def test_a_damaged_file_is_computed_anew(photos, body, own_image_cache):
    first = np.array(transfer.features(body, photos).train.inputs)
    for path in kept(own_image_cache):
        path.write_bytes(path.read_bytes()[:200])
    np.testing.assert_array_equal(transfer.features(body, photos).train.inputs, first)


@pytest.mark.once
@pytest.mark.parametrize("views", [1, 2])
@pytest.mark.parametrize("place", ["feature", "checksum"])
def test_a_flipped_bit_is_found_and_its_row_alone_written_again(
    vectors, photos, own_image_cache, place, views, monkeypatch
):
    shifts = keras.layers.RandomTranslation(0.2, 0.2, seed=1) if views > 1 else None
    changed = AugmentedViews(shifts, views, seed=3)
    first = np.array(dataset_features(vectors, photos, views=changed).train.inputs)
    path = max(kept(own_image_cache), key=os.path.getsize)
    content = path.read_bytes()
    rows = len(first)
    row_bytes = first[0].nbytes
    begin = len(content) - rows * (row_bytes + 4)
    assert first.tobytes() == content[begin : -4 * rows]
    row = rows - 33  # neither in the first batch nor in the last
    at = begin + row * row_bytes + 501 if place == "feature" else len(content) - 4 * (rows - row)
    path.write_bytes(content[:at] + bytes([content[at] ^ 16]) + content[at + 1 :])
    asked = asked_of(monkeypatch)
    again = dataset_features(vectors, photos, views=changed).train.inputs
    assert [samples for _, samples in asked] == [32]
    np.testing.assert_array_equal(again, first)
    assert path.read_bytes() == content


@pytest.mark.once
def test_a_full_disk_is_said_once_before_anything_is_computed(
    photos, body, monkeypatch, own_image_cache, capfd
):
    expected = np.array(transfer.features(body, photos, cache=False).train.inputs)
    capfd.readouterr()

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.warns(RuntimeWarning, match="No space left on device") as said:
        found = transfer.features(body, photos)
    assert sum("Features are not cached" in str(each.message) for each in said) == 1
    assert capfd.readouterr().out.count("70/70") == 1
    np.testing.assert_array_equal(found.train.inputs, expected)
    assert kept(own_image_cache) == []


def test_a_disk_that_fills_up_in_the_middle_is_an_error_that_is_survived(
    photos, body, monkeypatch, own_image_cache
):
    monkeypatch.delattr(os, "posix_fallocate")  # as on systems that cannot reserve room
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, before[1]))  # of 71,680 bytes
    try:
        with pytest.warns(RuntimeWarning, match="File too large") as said:
            found = transfer.features(body, photos)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert sum("Features are not cached" in str(each.message) for each in said) == 1
    assert found.train.inputs.shape == (70, 256)
    assert kept(own_image_cache) == []


def test_features_of_another_layout_are_computed_anew(
    photos, vectors, monkeypatch, own_image_cache
):
    transfer.split_features(vectors, photos.test)
    monkeypatch.setattr(kept_features, "LAYOUT", kept_features.LAYOUT + 1)
    transfer.split_features(vectors, photos.test)
    assert len(kept(own_image_cache)) == 2


def test_what_is_larger_than_the_limit_is_computed_without_the_cache(
    photos, vectors, monkeypatch, own_image_cache
):
    expected = transfer.split_features(vectors, photos.train, cache=False)
    monkeypatch.setenv("CNNKIT_CACHE_GIGABYTES", "0.00001")
    with pytest.warns(RuntimeWarning, match="may take 1e-05"):
        found = transfer.split_features(vectors, photos.train)
    assert isinstance(found, np.memmap)  # so that memory stays bounded all the same
    np.testing.assert_array_equal(found, expected)
    assert kept(own_image_cache) == []
    transfer.split_features(vectors, photos.test)  # takes 3,072 bytes
    assert len(kept(own_image_cache)) == 1


@pytest.mark.slow
def test_features_used_longest_ago_make_room(photos, vectors, monkeypatch, own_image_cache):
    for split in photos.splits.values():
        transfer.split_features(vectors, split)
    for path in kept(own_image_cache):
        used = 2000 - len(np.load(path))  # of train longest ago
        os.utime(path, (used, used))
    transfer.split_features(vectors, photos.train)  # and so it is used again
    monkeypatch.setenv("CNNKIT_CACHE_GIGABYTES", "0.000114")  # all but 7 kB of what there will be
    for split in photos.splits.values():
        transfer.split_features(vectors, split, half=True)
    found = [np.load(path) for path in kept(own_image_cache)]
    assert sorted((str(rows.dtype), len(rows)) for rows in found) == [
        ("float16", 3), ("float16", 5), ("float16", 70), ("float32", 70),
    ]  # fmt: skip


def test_the_cache_is_listed_and_cleared(photos, vectors, own_image_cache):
    transfer.split_features(vectors, photos.train)
    transfer.split_features(vectors, photos.validation)
    stranger = own_image_cache / "my-features-of-last-year"
    stranger.mkdir()
    np.save(stranger / "mine.npy", np.zeros(3))
    (line,) = cache.entries()
    assert re.fullmatch(r"mobilenet_025_untrained-features-[0-9a-f]{16}", line.settings)
    assert line.samples == 75
    listed = CliRunner().invoke(main, ["data", "cache"]).output
    assert re.search(rf"{line.settings} +75 +0\.1 ", listed)
    assert "Deleted 0.1 MB" in CliRunner().invoke(main, ["data", "cache", "--clear"]).output
    assert kept(own_image_cache) == [stranger / "mine.npy"]


FILL = """
import os, signal, sys, types
sys.modules["keras"] = types.SimpleNamespace(Model=object)  # seconds of import, for nothing
import numpy as np
from cnnkit.transfer import feature_cache

class Work:
    shape, dtype = (300_000, 2), np.dtype("float32")
    def batches(self):
        return [slice(first, first + 1000) for first in range(0, 300_000, 1000)]

    def rows(self, first_row):
        for number in range(first_row // 1000, 300):
            if number == int(sys.argv[1]):
                os.kill(os.getpid(), signal.SIGKILL)
            yield np.full((1000, 2), number, "float32")

feature_cache._fingerprint = lambda model: "0" * 64
network = types.SimpleNamespace(name="one")
sys.stdin.readline()  # all begin when they are told to
found = feature_cache.FeatureCache(network).rows(Work(), "the same")
assert (np.asarray(found)[::1000, 1] == np.arange(300)).all()
"""


def test_what_a_killed_process_left_is_never_taken_for_whole_and_two_may_fill_at_once(
    own_image_cache,
):
    for killed_at, processes, status in ((290, 1, -signal.SIGKILL), (-1, 2, 0)):
        command = [sys.executable, "-c", FILL, str(killed_at)]
        workers = [subprocess.Popen(command, stdin=subprocess.PIPE) for _ in range(processes)]
        for worker in workers:
            worker.stdin.write(b"\n")
            worker.stdin.close()
        assert [worker.wait(timeout=120) for worker in workers] == [status] * processes
    assert sorted(path.suffix for path in kept(own_image_cache)) == [".npy", ".part"]


@pytest.mark.once
def test_an_interrupted_extraction_stops_within_a_batch_and_goes_on_from_there(
    photos, vectors, own_image_cache, monkeypatch
):
    from cnnkit.training.checkpointing.signals import Interrupted, StopOnSignal

    computed, compute = [], keras.Model.predict_on_batch

    def counting(self, batch):
        computed.append(len(batch))
        if len(computed) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return compute(self, batch)

    expected = transfer.split_features(vectors, photos.train, cache=False)
    monkeypatch.setattr(keras.Model, "predict_on_batch", counting)
    stop = StopOnSignal()
    with stop.listening(), pytest.raises(Interrupted) as caught:
        transfer.split_features(vectors, photos.train, check=stop.check)
    assert computed == [32, 32]
    assert caught.value.__notes__ == [
        "Features of 64 of 70 rows are cached; the same command goes on from there."
    ]
    assert [path.suffix for path in kept(own_image_cache)] == [".part"]
    resumed = transfer.split_features(vectors, photos.train)
    assert computed == [32, 32, 32]  # the last batch of 6 is padded
    np.testing.assert_allclose(resumed, expected, rtol=0, atol=1e-6)
    assert [path.suffix for path in kept(own_image_cache)] == [".npy"]
    transfer.split_features(vectors, photos.train)  # its checksums are right
    assert len(computed) == 3


@pytest.mark.once
def test_finished_rows_that_were_damaged_since_are_computed_again(photos, vectors, own_image_cache):
    asked = []

    def stop_at_the_third_batch():
        asked.append(None)
        if len(asked) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        transfer.split_features(vectors, photos.train, check=stop_at_the_third_batch)
    (unfinished,) = kept(own_image_cache)
    content = bytearray(unfinished.read_bytes())
    content[300] ^= 255
    unfinished.write_bytes(content)
    expected = transfer.split_features(vectors, photos.train, cache=False)
    np.testing.assert_allclose(
        transfer.split_features(vectors, photos.train), expected, rtol=0, atol=1e-6
    )
