"""Devices and processes that share a training follow one device; what is killed can be resumed."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

from cnnkit.runs import Run

ON_JAX = keras.backend.backend() == "jax"
JOB = Path(__file__).with_name("little_job.py")
COMMAND = "from cnnkit.cli import main; main()"
RUN = (JOB, "--epochs", 20)
PLAIN = {"normalize": False, "dropout": 0}


def environment(**more):
    """That of a job: its backend, and no more devices than it asks for."""
    return os.environ | {"KERAS_BACKEND": keras.backend.backend()} | more


def started(*runs, **variables):
    """Start a job that makes these runs."""
    return subprocess.Popen(
        [sys.executable, str(JOB), *map(json.dumps, runs)], env=environment(**variables),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finished(job):
    """Return what a job tells of each of its runs."""
    output, errors = job.communicate(timeout=300)
    assert job.returncode == 0, errors
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def deviation(one, other):
    """Return the largest relative difference between the losses of the steps of two runs."""
    losses, others = np.array(one["losses"]), np.array(other["losses"])
    assert len(losses) == len(others) >= 48  # steps of the run
    return np.max(np.abs(losses - others) / losses)


@pytest.fixture(scope="module")
def on_two(tmp_path_factory):
    """One job: on one device, and on two virtual ones of the processor."""
    options = {"runs_dir": str(tmp_path_factory.mktemp("runs")), "logical_cpus": 2}
    options |= {} if ON_JAX else PLAIN
    job = started(
        options | {"name": "one"},
        options | {"name": "two", "devices": "all"},
        XLA_FLAGS="--xla_force_host_platform_device_count=2",
    )
    return finished(job)


@pytest.mark.slow
def test_two_devices_follow_one(on_two):
    # On JAX with dropout and batch normalisation, whose numbers are those of the global batch.
    one, two = (Run(each["folder"]).history for each in on_two)
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        np.testing.assert_allclose(two[name], one[name], rtol=1e-5)


@pytest.mark.slow
def test_two_devices_follow_one_step_by_step(on_two):
    if not ON_JAX:  # TensorFlow shows the mean of its devices' means, where a batch is not shared
        for each in on_two:
            each["losses"] = [loss for step, loss in enumerate(each["losses"], 1) if step % 7]
    assert deviation(*on_two) < 1e-5


@pytest.mark.slow
def test_the_run_says_how_its_devices_shared_it(on_two):
    one, two = (Run(each["folder"]) for each in on_two)
    assert "distribution" not in one.environment
    shared = two.environment["distribution"]
    assert len(shared["devices"]) == 2
    assert (shared["global_batch"], shared["batch_per_device"]) == (8, 4)
    shown = subprocess.run(
        [sys.executable, "-c", COMMAND, "show", str(two.folder)],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert shared["learning_rate"].split(":")[0] in shown
    assert f"{shared['global_batch']}, {shared['batch_per_device']} a device" in shown


@pytest.mark.slow
def test_the_saved_model_of_two_devices_is_that_of_one(on_two):
    one, two = (Run(each["folder"]).model for each in on_two)
    images = np.random.default_rng(1).uniform(0, 255, (20, 8, 8, 1))
    np.testing.assert_allclose(one.predict(images), two.predict(images), atol=1e-5)


@pytest.fixture(scope="module")
def by_two_processes(tmp_path_factory):
    """What one process tells of a run, and what each of two that trained together does."""
    folder = str(tmp_path_factory.mktemp("processes"))
    options = {"runs_dir": folder, "in_files": True}
    [alone] = finished(started(options | {"name": "alone"}))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    asked = (f"127.0.0.1:{port},2,{number}" for number in range(2))
    jobs = [started(options | {"name": "both", "processes": each}) for each in asked]
    return alone, *(finished(job)[0] for job in jobs)


@pytest.mark.slow
@pytest.mark.skipif(not ON_JAX, reason="several processes train on JAX alone")
def test_two_processes_follow_one(by_two_processes):
    alone, first, second = by_two_processes
    assert deviation(alone, first) < 1e-4
    assert first["losses"] == second["losses"]


@pytest.mark.slow
@pytest.mark.skipif(not ON_JAX, reason="several processes train on JAX alone")
def test_each_process_reads_its_part_of_the_images(by_two_processes):
    alone, first, second = (each["read"] for each in by_two_processes)
    # Of 6 batches of 8 in each of 8 epochs; the last batch has 3, which cannot be shared equally.
    assert alone - first == 8 * 6 * 4
    assert second < first  # which looks at images for the report, too


@pytest.mark.slow
@pytest.mark.skipif(not ON_JAX, reason="several processes train on JAX alone")
def test_two_processes_write_one_run_folder(by_two_processes):
    _, first, second = by_two_processes
    assert first["folder"] == second["folder"]
    run = Run(first["folder"])
    assert len(list(run.folder.parent.iterdir())) == 2  # this one, and that of one process
    assert (run.status["state"], run.status["pid"]) == ("finished", first["pid"])
    assert run.results["test"]["samples"] == 21


def cnnkit(*words):
    code = [sys.executable, "-c", COMMAND, *map(str, words)]
    return subprocess.Popen(code, env=environment(), stdout=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The history of a run of one process that nothing disturbs."""
    folder = tmp_path_factory.mktemp("undisturbed")
    assert cnnkit("run", *RUN, "--runs-dir", folder, "--name", "alone").wait(300) == 0
    return Run(folder / "little_job" / "alone").history


def worker(launcher, number):
    """Return the process id of a launcher's worker."""
    mark = f"KERAS_DISTRIBUTION_PROCESS_ID={number}".encode()
    children = Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children").read_text().split()
    [found] = [
        pid for pid in children if mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    ]
    return int(found)


@pytest.mark.slow
@pytest.mark.skipif(not ON_JAX, reason="several processes train on JAX alone")
@pytest.mark.parametrize("victim", [0, 1])
def test_a_run_whose_worker_is_killed_is_interrupted_and_resumed(tmp_path, undisturbed, victim):
    options = (*RUN, "--runs-dir", tmp_path, "--name", "killed")
    launcher = cnnkit("launch", "--workers", 2, *options)
    run = Run(tmp_path / "little_job" / "killed")
    while not list(run.folder.glob("checkpoints/epoch-00000[3-9]*")):
        time.sleep(0.05)
        assert launcher.poll() is None
    os.kill(worker(launcher, victim), signal.SIGKILL)
    assert launcher.wait(60) == 128 + signal.SIGKILL
    assert run.status["state"] == "interrupted"
    assert "another process of this run has ended" in run.status["reason"]
    if victim:  # as many workers once more
        again = cnnkit("launch", "--workers", 2, JOB, "--resume", run.folder)
    else:  # one
        again = cnnkit("resume", run.folder, "--allow-changes")
    assert again.wait(300) == 0
    losses, expected = run.history["loss"], undisturbed["loss"]
    assert run.status["state"] == "finished"
    assert len(losses) == len(expected)
    # Rounding grows from step to step: so many epochs have 56 steps.
    np.testing.assert_allclose(losses[:8], expected[:8], rtol=1e-4)
