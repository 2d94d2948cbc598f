"""The page's Grad-CAM against the paper's formula, with TensorFlow's gradient."""

import json
import shutil
import subprocess
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf  # the oracle's tape

pytestmark = pytest.mark.once

WEB = Path(__file__).parents[2] / "explorer" / "web"


def _of_page(maps, gradient):
    """Call the page's function under Node."""
    if shutil.which("node") is None or not (WEB / "node_modules").is_dir():
        pytest.skip("no Node or no node_modules here: `make explorer` fetches them")
    source = """
    import { buildSync } from "esbuild";
    import { readFileSync } from "node:fs";
    const options = { entryPoints: ["src/compute/grad_cam.ts"], bundle: true, write: false, format: "esm" };
    const [{ text }] = buildSync(options).outputFiles;
    const { gradCam } = await import("data:text/javascript," + encodeURIComponent(text));
    const tensors = JSON.parse(readFileSync(0, "utf-8"));
    const found = gradCam(...tensors.map(({ shape, data }) => ({ shape, data: Float32Array.from(data) })));
    console.log(JSON.stringify({ shape: found.shape, data: [...found.data] }));
    """
    tensors = [{"shape": list(a.shape), "data": a.reshape(-1).tolist()} for a in (maps, gradient)]
    found = subprocess.run(
        ["node", "--input-type=module", "-e", source],
        cwd=WEB, input=json.dumps(tensors), check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    answer = json.loads(found.stdout)
    return np.reshape(answer["data"], answer["shape"])


def test_heat_map_is_that_of_the_paper():
    keras.utils.set_random_seed(8)
    convolution = keras.layers.Conv2D(6, 3, activation="relu")
    dense = keras.layers.Dense(3)
    picture = keras.random.uniform((1, 9, 7, 2))
    with tf.GradientTape() as tape:
        maps = convolution(picture)
        tape.watch(maps)
        score = dense(keras.ops.reshape(maps, (1, -1)))[0, 2]
    gradient = tape.gradient(score, maps)[0].numpy()
    maps = maps[0].numpy()
    # Selvaraju et al. 2017, equations 1 and 2.
    expected = np.maximum((maps * gradient.mean(axis=(0, 1))).sum(axis=-1), 0)
    assert expected.max() > 0
    np.testing.assert_allclose(_of_page(maps, gradient), expected, atol=1e-6)
