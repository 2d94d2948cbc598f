"""Finished runs without training: their records, and what they answer to each test item."""

import numpy as np

from cnnkit.evaluation import Evaluation
from cnnkit.runs import Run, predictions

CLASSES = tuple("abcd")
ITEMS = 200
LABELS = np.arange(ITEMS) % len(CLASSES)


def evaluation(correct):
    """An evaluation that is right about these items, and else takes the next class."""
    predicted = np.where(correct, LABELS, (LABELS + 1) % len(CLASSES))
    probabilities = np.full((ITEMS, len(CLASSES)), 0.1)
    probabilities[np.arange(ITEMS), predicted] = 0.7
    return Evaluation(LABELS, probabilities, CLASSES)


def finished(
    runs_dir, name, *, seed=0, settings=None, accuracy=0.9, correct=None, experiment="letters",
    dataset="letters", test_hash="t1", keeps_answers=True, minutes=1.0, **recipe,
):  # fmt: skip
    """A finished run; its answers are drawn by its seed unless `correct` has them."""
    if correct is None:
        correct = np.random.default_rng(seed).random(ITEMS) < accuracy
    settings = {"learning_rate": 0.01} | (settings or {})
    run, answered = Run.create(runs_dir, experiment, name), evaluation(correct)
    run.write_json(
        "experiment.json",
        {
            "experiment": experiment, "settings": settings, "setting_types": {}, "seed": seed,
            "command": f"cnnkit run {experiment} --seed {seed} --name {name}", "epochs": 2,
            "batch_size": 32, "source": {"sha256": "s"}, "model": {"name": "m", "parameters": 1234},
            "optimizer": {"class_name": "Adam", "config": {"learning_rate": 0.01}},
            "description": "Letters.",
        } | recipe,
    )  # fmt: skip
    run.write_json(
        "environment.json",
        {
            "backend": "tensorflow", "precision": "float32", "cores": 2, "devices": ["cpu:0"],
            "processor": "Abacus 1", "versions": {"keras": "3.15.1"}, "seed": seed,
        },
    )  # fmt: skip
    run.write_json(
        "dataset.json",
        {
            "name": dataset, "class_names": CLASSES, "image_shape": [2, 2, 1], "test_hash": test_hash,
            "content_hash": f"c{test_hash}",
        },
    )  # fmt: skip
    run.write_json(
        "results.json",
        {"test": answered.as_results(), "validation": {"accuracy": 0.9, "epoch": 2}, "timing": {}},
    )
    rate = 0.8 + 0.01 * seed
    (run.folder / "metrics.csv").write_text(
        "epoch,loss,accuracy,val_loss,val_accuracy,seconds\n"
        f"1,0.9,0.5,0.8,0.6,{30 * minutes}\n2,0.5,0.8,0.6,{rate},{30 * minutes}\n"
    )
    if keeps_answers:
        predictions.write(run, answered)
    run.write_status("finished", epoch=2, started=f"2026-01-01T00:00:{seed % 60:02}")
    return run
