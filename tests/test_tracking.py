"""The examples of docs/tracking.md run, and their stores have what the runs have."""

import json
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import keras
import pytest

from cnnkit.runs import list_runs

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="once is enough"),
]

ROOT = Path(__file__).parents[1]
EXAMPLES = re.findall(
    r"^```python\n(.*?)^```", (ROOT / "docs/tracking.md").read_text(), re.M | re.S
)


def run_example(code, folder):
    """Run an example as a reader does, without the network, and return its run."""
    (folder / "example.py").write_text(code)
    quiet = {"WANDB_SILENT": "true", "WANDB_MODE": "offline", "MLFLOW_DISABLE_TELEMETRY": "true"}
    done = subprocess.run(
        [sys.executable, "example.py"],
        cwd=folder, capture_output=True, text=True,
        env=os.environ | quiet | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    [run] = list_runs(folder / "runs")
    return run


def test_mlflows_store_has_metrics_settings_and_report(tmp_path):
    pytest.importorskip("mlflow")
    run = run_example(EXAMPLES[0], tmp_path)
    with sqlite3.connect(tmp_path / "mlflow.db") as store:
        rows = store.execute("select key, step, value from metrics order by key, step").fetchall()
        settings = dict(store.execute("select key, value from params").fetchall())
        [[status]] = store.execute("select status from runs").fetchall()
    store.close()
    metrics = {(key, step): value for key, step, value in rows}
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        ours = run.history[name]
        assert [metrics[name, step] for step in range(2)] == pytest.approx(ours, rel=1e-5)
    assert metrics["test_accuracy", 0] == run.results["test"]["accuracy"]
    assert (settings["learning_rate"], settings["epochs"]) == ("0.001", "2")
    assert status == "FINISHED"
    [report] = tmp_path.glob("mlruns/**/report.html")
    assert report.read_bytes() == (run.folder / "report.html").read_bytes()


def test_weights_and_biases_keeps_metrics_and_settings_offline(tmp_path):
    pytest.importorskip("wandb")
    run = run_example(EXAMPLES[1], tmp_path)
    [kept] = tmp_path.glob("wandb/offline-run-*/run-*.wandb")
    content = kept.read_bytes()
    for name in ("epoch/val_accuracy", "learning_rate", "test_accuracy"):
        assert name.encode() in content
    accuracy = json.dumps(run.results["test"]["accuracy"])
    assert accuracy.encode() in content
