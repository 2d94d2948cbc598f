"""Local workers: what ends them, and what the launcher says of it. They compute nothing here."""

import os
import select
import signal
import subprocess
import sys

import pytest

from cnnkit.training.distribution import launching

pytestmark = pytest.mark.once

# A worker that cannot hear SIGTERM, as one that waits in a collective operation.
DEAF = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True)"
)
NUMBER = "import os, sys; number = os.environ['KERAS_DISTRIBUTION_PROCESS_ID']\n"


@pytest.fixture
def work(monkeypatch):
    """A function (code, workers) -> exit status; times are short."""
    monkeypatch.setattr(launching, "SECONDS_TO_NOTICE", 0.2)
    monkeypatch.setattr(launching, "SECONDS_TO_END", 0.2)

    def working(code, workers=2):
        monkeypatch.setattr(launching, "CODE", NUMBER + code)
        team = launching.Workers(["run"], workers)
        return team.work(), team

    return working


def test_all_that_end_well_are_a_success(work):
    assert work("pass", 3)[0] == 0


def test_the_first_alone_is_shown(work, capfd):
    assert work("print('I am', number)")[0] == 0
    assert capfd.readouterr().out == "I am 0\n"


def test_one_that_fails_says_why_and_its_status_is_that_of_all(work, capfd):
    status, _ = work("if number == '1': sys.exit('no data here')")
    assert status == 1
    assert "[1] no data here" in capfd.readouterr().err


def test_what_hears_no_signal_is_killed_when_another_is_gone(work, capfd):
    status, team = work(
        f"if number == '1': os.kill(os.getpid(), {int(signal.SIGKILL)})\n{DEAF}\ntime.sleep(100)"
    )
    assert status == 128 + signal.SIGKILL
    assert [each.returncode for each in team.processes] == [-signal.SIGKILL] * 2
    assert "SIGKILL ended worker 1." in capfd.readouterr().err


def test_each_worker_has_its_number_and_the_same_address(work, tmp_path):
    names = ("JOB_ADDRESSES", "NUM_PROCESSES", "PROCESS_ID")
    code = (
        f"values = [os.environ['KERAS_DISTRIBUTION_' + name] for name in {names}]\n"
        f"open({str(tmp_path)!r} + '/' + number, 'w').write(' '.join(values))"
    )
    assert work(code)[0] == 0
    first, second = ((tmp_path / number).read_text().split() for number in "01")
    assert first[0] == second[0]
    assert first[0].startswith("127.0.0.1:")
    assert (first[1:], second[1:]) == (["2", "0"], ["2", "1"])


def test_a_signal_reaches_every_worker(tmp_path):
    # A process of its own: the signal must not be one of these tests.
    code = f"""
import sys
from cnnkit.training.distribution import launching
launching.CODE = {NUMBER!r} + '''
import signal, time
def note(signal_number, frame):
    open(f"{tmp_path}/" + number, "w").write(str(signal_number))
    sys.exit(143)
signal.signal(signal.SIGTERM, note)
open(f"{tmp_path}/ready" + number, "w").write("ready")
time.sleep(100)
'''
sys.exit(launching.Workers(["run"], 2).work())
"""
    pipes = [tmp_path / f"ready{number}" for number in "01"]
    for pipe in pipes:
        os.mkfifo(pipe)
    ready = [os.open(pipe, os.O_RDONLY | os.O_NONBLOCK) for pipe in pipes]
    parent = subprocess.Popen([sys.executable, "-c", code], env=os.environ)
    for pipe in ready:
        assert select.select([pipe], [], [], 60)[0], "a worker has not begun"
        os.close(pipe)
    parent.send_signal(signal.SIGTERM)
    assert parent.wait(30) == 143
    assert [(tmp_path / number).read_text() for number in "01"] == [str(int(signal.SIGTERM))] * 2
