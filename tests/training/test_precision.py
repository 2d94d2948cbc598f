import importlib
from dataclasses import replace

import keras
import numpy as np
import pytest
from click.testing import CliRunner

import cnnkit
from cnnkit import Experiment, data, models
from cnnkit.cli import main
from cnnkit.errors import SettingError
from cnnkit.models.anatomy import anatomy
from cnnkit.training.steps import precision


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("fpu sse avx2", "float32"),
        ("fpu sse avx512f avx512_bf16", "mixed_bfloat16"),
        ("fpu amx_bf16 amx_tile", "mixed_bfloat16"),
        ("fpu no_avx512_bf16_here", "float32"),
        (None, "float32"),
    ],
)
def test_auto_asks_the_processor(flags, expected, tmp_path, monkeypatch):
    cpuinfo = tmp_path / "cpuinfo"
    if flags is not None:
        cpuinfo.write_text(f"processor\t: 0\nmodel name\t: it\nflags\t\t: {flags}\n")
    monkeypatch.setattr(precision, "CPUINFO", cpuinfo)
    if keras.backend.backend() != "tensorflow":
        expected = "float32"  # of processors, TensorFlow alone uses it
    with precision.precision_policy("auto") as name:
        assert name == expected
        assert keras.layers.Dense(1).dtype_policy.name == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("echo 9.0", "mixed_bfloat16"),
        ("printf '9.0\\n7.5\\n'", "float32"),  # the least of several
        ("echo [N/A]", "float32"),
        ("exit 9", "float32"),
    ],
)
def test_auto_asks_the_gpu(told, expected, tmp_path, monkeypatch):
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{told}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: ["gpu:0"])
    with precision.precision_policy("auto") as name:
        assert name == expected


def test_afterwards_keras_has_the_policy_that_it_had():
    with pytest.raises(RuntimeError), precision.precision_policy("mixed_bfloat16"):
        raise RuntimeError
    assert keras.config.dtype_policy().name == "float32"
    with precision.precision_policy("mixed_bfloat16"), precision.precision_policy(None) as name:
        assert name == "mixed_bfloat16"


@pytest.mark.parametrize(("batch_size", "expected"), [(96, False), (97, True)])
def test_a_step_is_worthwhile_from_40_million_multiply_adds_on(batch_size, expected):
    # Of LeNet-5 at 28 x 28, an image: 416,520.
    assert 28 * 28 * 25 * 6 + 10 * 10 * 150 * 16 + 400 * 120 + 120 * 84 + 84 * 10 == 416_520
    lenet5 = models.lenet5((28, 28, 1), 10)
    assert precision.is_worthwhile(lenet5, batch_size) is expected


class OfAClass(keras.Model):
    """A model without a graph of layers."""


def test_what_cannot_be_counted_counts_as_worthwhile():
    of_any_size = models.convnet((None, None, 3), 2, head="global")
    assert precision.is_worthwhile(of_any_size, 1)
    assert precision.is_worthwhile(OfAClass(), 1)


@pytest.mark.once
@pytest.mark.parametrize(
    ("batch_size", "own_policy", "expected"),
    [
        (16, "float32", ["float32"]),
        (96, "float32", ["float32", "mixed_bfloat16"]),
        (96, "mixed_float16", ["mixed_float16"]),
    ],
)
def test_auto_is_bfloat16_where_it_is_worthwhile(
    batch_size, own_policy, expected, tmp_path, monkeypatch
):
    monkeypatch.setattr(
        importlib.import_module("cnnkit.training.building"), "has_bfloat16", lambda: True
    )
    monkeypatch.setattr(precision, "WORTHWHILE", 64 * anatomy(shapes().model).multiply_adds)
    called, weights = [], []

    def experiment():
        """X and O."""
        called.append(keras.config.dtype_policy().name)
        made = replace(shapes(1), callbacks=(), batch_size=batch_size)
        weights.append(made.model.get_weights())
        return made

    with precision.precision_policy(own_policy):
        run = cnnkit.run(experiment, runs_dir=tmp_path)
    assert called == expected
    assert run.environment["precision"] == expected[-1]
    for first, last in zip(weights[0], weights[-1], strict=True):
        np.testing.assert_array_equal(first, last)


def test_an_unknown_precision_is_refused():
    with pytest.raises(SettingError, match=r"precision is 'auto', .*, not 'half'"):
        cnnkit.run(shapes, precision="half")
    result = CliRunner().invoke(main, ["run", "--precision", "half"])
    assert "'auto', 'float32', 'mixed_bfloat16'" in result.output


class Fail(keras.callbacks.Callback):
    """Fails once, in the second epoch."""

    left = 1

    def on_epoch_end(self, epoch, logs=None):
        if epoch and Fail.left:
            Fail.left = 0
            raise RuntimeError("the power failed")


def shapes(epochs: int = 3):
    """X and O."""
    images = data.xo(train=96, validation=16, test=16, image_size=12)
    model = models.convnet(images.image_shape, 2, widths=(4,), depths=(1,), hidden_units=(8,))
    return Experiment(
        data=images, model=model, optimizer=keras.optimizers.Adam(1e-2), epochs=epochs,
        batch_size=16, callbacks=(Fail(),),
    )  # fmt: skip


@pytest.mark.slow
def test_a_run_in_bfloat16_says_so_and_resumes_in_it(tmp_path):
    with pytest.raises(RuntimeError, match="power"):
        cnnkit.run(shapes, runs_dir=tmp_path, name="it", precision="mixed_bfloat16")
    run = cnnkit.runs.resolve("it", tmp_path)
    with pytest.raises(SettingError, match=r"precision +mixed_bfloat16 +float32"):
        cnnkit.resume(shapes, run, precision="float32")
    cnnkit.resume(shapes, run)
    assert run.environment["precision"] == "mixed_bfloat16"
    assert run.status["resumed"] == [{"epoch": 1, "step": 0, "changes": []}]
    assert "mixed_bfloat16" in (run.folder / "report.html").read_text()
    network = next(layer for layer in run.model.layers if isinstance(layer, keras.Model))
    kinds = {layer.name: layer.compute_dtype for layer in network.layers}
    assert kinds.pop("logits") == "float32"
    assert "bfloat16" in kinds.values()
    assert {np.asarray(weights).dtype.name for weights in network.get_weights()} == {"float32"}


@pytest.mark.slow
def test_in_bfloat16_a_network_learns_as_well():
    # The same network from the same weights, on what float32 learns without a mistake.
    answers = {}
    for name in ("float32", "mixed_bfloat16"):
        with precision.precision_policy(name):
            keras.utils.set_random_seed(0)
            found = replace(shapes(), callbacks=())
            found.model.compile(found.optimizer, found.loss, metrics=["accuracy"])
            images = found.data.train.inputs.astype("float32") * found.data.scale
            found.model.fit(images, found.data.train.labels, epochs=15, verbose=0)
            answers[name] = found.model.evaluate(images, found.data.train.labels, verbose=0)[1]
    assert answers["float32"] == 1.0
    assert answers["mixed_bfloat16"] >= 0.98
