"""Small files that would take gigabytes, time without end, or other files: each is refused cheaply."""

import io
import json
import subprocess
import sys
import zipfile

import h5py
import pytest

pytestmark = pytest.mark.once

MEMORY = 1_000_000  # kB, with Keras and TensorFlow imported

# Opens each file, and prints the peak of memory since the one before.
OPEN = """
import sys
from cnnkit.keras_import import import_keras
import_keras()
from cnnkit.errors import CnnkitError
from cnnkit.model_files import load_model
for path in sys.argv[1:]:
    open("/proc/self/clear_refs", "w").write("5")  # forget the peak so far
    try:
        load_model(path)
        said = "opened"
    except CnnkitError as error:
        said = f"{type(error).__name__} {error}"
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    print(status["VmHWM"].split()[0], repr(said), flush=True)
"""


def layer(kind, module="keras.layers", /, **config):
    return {"module": module, "class_name": kind, "config": config, "registered_name": None}


def network(shape, *layers):
    inputs = layer("InputLayer", batch_shape=[None, *shape], dtype="float32", name="pixels")
    return layer("Sequential", "keras", name="network", layers=[inputs, *layers])


IMAGE = (8, 8, 3)
RETURNS = "numbers for one sample, and at most 268,435,456"
CODE = "which runs code that the file brings"
VOCABULARY = "which reads a vocabulary from any file"
ALLOWED = "which is none of the layers and functions"
HOSTILE = {
    "wide": (network((8,), layer("Dense", units=10**9)), "its layers need 9,000,000,000 numbers"),
    "normal": (network((10**9,), layer("Normalization")), "normalization/mean has 1,000,000,000"),
    "image": (network((10**6, 10**6, 3), layer("Flatten")), RETURNS),
    "upsampled": (network(IMAGE, layer("UpSampling2D", size=[10**5] * 2)), RETURNS),
    "resized": (network(IMAGE, layer("Resizing", height=10**6, width=10**6)), RETURNS),
    "padded": (network(IMAGE, layer("ZeroPadding2D", padding=10**6)), RETURNS),
    "repeated": (network((8,), layer("RepeatVector", n=10**9)), RETURNS),
    "inside": (network(IMAGE, network(IMAGE, layer("UpSampling2D", size=10**5))), RETURNS),
    "encoded": (network((8,), layer("CategoryEncoding", num_tokens=10**9)), RETURNS),
    "mel": (network((10**5,), layer("MelSpectrogram", fft_length=1 << 24)), "fft_length=16,777,216"),
    "augmented": (network(IMAGE, layer("RandAugment", num_ops=10**6)), "num_ops=1,000,000"),
    "lambda": (network(IMAGE, layer("Lambda", function="marker")), f"Lambda, {CODE}"),
    "lookup": (network((1,), layer("StringLookup", vocabulary="/etc/passwd")), VOCABULARY),
    "texts": (network((1,), layer("TextVectorization", vocabulary="secret")), VOCABULARY),
    "folder": (network(IMAGE, layer("TFSMLayer", filepath="secret")), "program from another folder"),
    "torch": (network(IMAGE, layer("TorchModuleWrapper", module="gASV")), "unpickles code"),
    "tokens": (
        network((1,), {**layer("X", "keras_hub.src.tokenizers.a"), "registered_name": "keras_hub>X"}),
        ALLOWED,
    ),
    "process": (network(IMAGE, layer("Popen", "subprocess", args=["touch", "marker"])), ALLOWED),
    "lists": ('{"class_name": "Sequential", "config": [' + "[]," * 5_500_000 + "[]]}", "500,000 lists"),
    "objects": ('{"class_name": "Sequential", "config": [' + "{}," * 5_500_000 + "{}]}", "500,000 lists"),
}  # fmt: skip


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """The peak of memory and the answer to each file, by its name."""
    folder, weights = tmp_path_factory.mktemp("hostile"), io.BytesIO()
    h5py.File(weights, "w").close()
    paths = {name: folder / f"{name}.keras" for name in HOSTILE}
    for name, (configuration, _) in HOSTILE.items():
        text = configuration if isinstance(configuration, str) else json.dumps(configuration)
        with zipfile.ZipFile(paths[name], "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("config.json", text)
            archive.writestr("model.weights.h5", weights.getvalue())
        # Too many objects take 16 kB of archive; nothing here is larger.
        assert paths[name].stat().st_size < 50_000
    command = [sys.executable, "-c", OPEN, *map(str, paths.values())]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=120)
    lines = done.stdout.splitlines()
    assert len(lines) == len(HOSTILE), done.stderr[-2000:]
    assert not (folder / "marker").exists()
    return dict(zip(HOSTILE, (line.split(" ", 1) for line in lines), strict=True))


@pytest.mark.parametrize("name", HOSTILE)
def test_it_is_refused_in_a_sentence_within_a_gigabyte(name, answers):
    memory, said = answers[name]
    assert said[1:].startswith("RefusedFileError ")
    assert HOSTILE[name][1] in said
    assert f"{name}.keras is refused" in said
    assert "\\n" not in said
    assert int(memory) < MEMORY
