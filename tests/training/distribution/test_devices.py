"""Which devices and processes a user asks for, and what is refused."""

import signal
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from cnnkit.errors import SettingError
from cnnkit.training.distribution import processes
from cnnkit.training.distribution.agreed_stop import AgreedStop
from cnnkit.training.distribution.devices import replicas_of
from cnnkit.training.distribution.processes import Process
from cnnkit.training.distribution.replicas import Replicas, Votes

ON_JAX = keras.backend.backend() == "jax"
HERE = len(keras.distribution.list_devices())


@pytest.mark.parametrize("devices", [None, "0", 0, (0,)])
def test_the_default_device_is_shared_by_none(devices):
    assert replicas_of(devices) is None


@pytest.mark.parametrize("devices", [f"0,{HERE}", [HERE], str(HERE)])
def test_a_device_that_is_not_there_is_named(devices):
    with pytest.raises(SettingError, match=f"There is no device {HERE}: .* has {HERE} here, "):
        replicas_of(devices)


@pytest.mark.parametrize("devices", ["", "every", "0,0", "0;1", [], [None], "0,"])
def test_what_is_no_list_of_devices_is_refused(devices):
    with pytest.raises(SettingError, match='"all" or different numbers such as "0,1"'):
        replicas_of(devices)


@pytest.mark.parametrize(
    ("batch_size", "near"), [(33, "32 or 36"), (2, "such as 4:"), (3, "such as 4:")]
)
def test_a_batch_that_four_devices_cannot_share_names_the_nearest_that_they_can(batch_size, near):
    four = Replicas(tuple("abcd"))
    four.expect_batches_divide(36)
    with pytest.raises(SettingError) as refused:
        four.expect_batches_divide(batch_size)
    assert near in f"{refused.value}".replace(".", ":")


@pytest.mark.skipif(ON_JAX, reason="of the other backends")
@pytest.mark.parametrize("asked", ["auto", "10.0.0.1:1234,2,0"])
def test_several_processes_need_jax(asked):
    with pytest.raises(SettingError, match="does not train under Keras 3.*set KERAS_BACKEND=jax"):
        processes.join(asked)


@pytest.mark.skipif(not ON_JAX, reason="of JAX")
@pytest.mark.parametrize("asked", ["slurm", "10.0.0.1,2,0", "a:1,2,2", "a:1,two,0", "a:1,2"])
def test_what_is_no_address_of_processes_is_refused(asked):
    with pytest.raises(SettingError, match=f'"10.0.0.1:1234,2,0".*not {asked!r}'):
        processes.join(asked)


@pytest.mark.skipif(not ON_JAX, reason="of JAX")
def test_processes_cannot_join_after_jax_has_computed():
    keras.ops.convert_to_tensor(1.0)
    with pytest.raises(SettingError, match="JAX has computed something before"):
        processes.join("127.0.0.1:1,2,0")


def test_no_process_is_asked_for(monkeypatch):
    monkeypatch.delenv(processes.ASKED, raising=False)
    assert processes.join(None) == Process(0, 1)


@pytest.fixture
def second(monkeypatch):
    """A function that sets what process 1 gathers beside this process, number 0."""

    def gathers(change):
        def gathered(array):
            return np.stack([array, change(array.copy())])

        backend = SimpleNamespace(gathered=gathered, leave=lambda: None)

        monkeypatch.setattr(processes, "of_backend", lambda: backend)
        return Process(0, 2)

    return gathers


def test_processes_with_the_same_facts_go_on(second):
    assert processes.expect_same(second(lambda same: same), {"the data": "a"}) is None


def test_a_process_with_other_data_is_refused_by_hash(second):
    def other_data(hashes):
        hashes[1, 0] ^= 1
        return hashes

    with pytest.raises(SettingError, match="Process 1 differs from process 0 in the data: "):
        processes.expect_same(second(other_data), {"the version of keras": "3", "the data": "a"})


def test_what_fails_in_one_process_is_said_in_the_other(second):
    def failed(text):
        text[:7] = np.frombuffer(b"no data", np.uint8)
        return text

    with pytest.raises(SettingError, match="Process 1 cannot begin: no data"):
        processes.expect_all_well(second(failed), None)


def test_all_processes_have_the_words_of_the_first(second):
    process = second(lambda text: text * 0)
    assert processes.first_says(process, "runs/né") == "runs/né"


def test_a_signal_waits_until_every_process_knows_of_it():
    votes = Votes()
    stop = AgreedStop(votes)
    with stop.listening():
        votes.voting = True
        signal.raise_signal(signal.SIGTERM)
    assert stop.received is None
    votes.agreed_signal = votes.signal  # as all hear it after a step
    assert stop.received == signal.SIGTERM


def test_a_signal_that_comes_before_training_counts_at_once():
    stop = AgreedStop(Votes())
    with stop.listening():
        signal.raise_signal(signal.SIGTERM)
    assert stop.received == signal.SIGTERM
