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


def called_on(part, name, *sources):
    """A layer of a graph, called once on each (name, call) of other layers."""
    nodes = []
    for source in sources:
        tensor = {"shape": [None, 4], "dtype": "float32", "keras_history": [*source, 0]}
        nodes.append({"args": [{"class_name": "__keras_tensor__", "config": tensor}], "kwargs": {}})
    return {
        **part,
        "config": {**part["config"], "name": name},
        "name": name,
        "inbound_nodes": nodes,
    }


def graph(name, layers, last, shape=(4,)):
    """A network of one input."""
    inputs = called_on(layer("InputLayer", batch_shape=[None, *shape], dtype="float32"), "pixels")
    return layer(
        "Functional", "keras.src.models.functional", name=name, layers=[inputs, *layers],
        input_layers=[["pixels", 0, 0]], output_layers=[[*last, 0]],
    )  # fmt: skip


def doubling(levels):
    """Networks in one another, each called twice by the next."""
    inner = graph("0", [called_on(layer("ReLU"), "relu", ("pixels", 0))], ("relu", 0))
    for level in map(str, range(1, levels)):
        twice = called_on(inner, "inner", ("pixels", 0), ("inner", 0))
        inner = graph(level, [twice], ("inner", 1))
    return inner


def doubling_by_number(levels):
    """The same, but the second call is of an object that the file only refers to."""
    inner = graph("0", [called_on(layer("ReLU"), "relu", ("pixels", 0))], ("relu", 0))
    inner["shared_object_id"] = 0
    for level in range(1, levels):
        again = {
            **layer("Functional", "keras.src.models.functional"),
            "shared_object_id": level - 1,
        }
        once = called_on(inner, "once", ("pixels", 0))
        inner = graph(str(level), [once, called_on(again, "again", ("once", 0))], ("again", 0))
        inner["shared_object_id"] = level
    return inner


def backwards(count):
    """A chain of layers, the last one first: Keras has to go through all for each."""
    names = ["pixels", *(f"layer{number}" for number in range(count))]
    chain = [called_on(layer("Identity"), names[n + 1], (names[n], 0)) for n in range(count)]
    return graph("chain", chain[::-1], (names[-1], 0))


def attending(places):
    """Each place of a long row compared with each."""
    layers = [called_on(layer("MultiHeadAttention", num_heads=2, key_dim=1), "all", ("pixels", 0))]
    layers[0]["inbound_nodes"][0]["args"] *= 2
    return graph("attending", layers, ("all", 0), shape=(places, 1))


IMAGE = (8, 8, 3)
ANY_SIZE = (None, None, 3)
RUNS_CODE = layer("Lambda", function={"class_name": "__lambda__", "config": {"code": "4wAA"}})
SYSTEM = {"module": "os", "class_name": "function", "config": "system", "registered_name": "system"}
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
    "step by step": (network((4, 8), layer("TimeDistributed", layer=RUNS_CODE)), f"Lambda, {CODE}"),
    "both ways": (network((4, 8), layer("Bidirectional", layer=RUNS_CODE)), f"Lambda, {CODE}"),
    "prepared": (
        network((1,), layer("Pipeline", layers=[layer("StringLookup", vocabulary="secret")])),
        VOCABULARY,
    ),
    "base": (network((8,), layer("Layer", "builtins")), f"builtins.Layer, {ALLOWED}"),
    "eval": (network((8,), layer("eval", "builtins", source="1")), f"builtins.eval, {ALLOWED}"),
    "penalty": (
        network((8,), layer("Dense", units=2, kernel_regularizer=layer("system", "os", command="touch"))),
        f"os.system, {ALLOWED}",
    ),
    "initial": (network((8,), layer("Dense", units=2, kernel_initializer=SYSTEM)), "os.system"),
    "type": (
        network((8,), {**layer("__typespec__", "subprocess"), "spec_name": "Popen", "config": []}),
        f"subprocess.__typespec__, {ALLOWED}",
    ),
    "doubled": (doubling(18), "calls of layers, and at most 200,000"),
    "doubled by number": (doubling_by_number(18), "calls of layers, and at most 200,000"),
    "backwards": (backwards(3000), "try more than 500,000 times"),
    "long": (network((4,), *[layer("Identity")] * 2000), "try more than 500,000 times"),
    "dilated": (
        network(IMAGE, layer("Conv2D", filters=1, kernel_size=3, dilation_rate=[1, 10**6])),
        "dilation_rate=1,000,000",
    ),
    "pooled": (network(IMAGE, layer("MaxPooling2D", pool_size=2**30, padding="same")), "pool_size="),
    "attending": (attending(10**5), "compares 20,000,000,000 pairs for one sample"),
    "unrolled": (network((10**5, 1), layer("SimpleRNN", units=1, unroll=True)), "100,000 steps"),
    "any size": (network(ANY_SIZE, layer("UpSampling2D", size=1000)), RETURNS),
    "any size inside": (
        network(
            (64, 64, 3),
            network(ANY_SIZE, layer("UpSampling2D", size=1000), layer("GlobalMaxPooling2D")),
        ),
        RETURNS,
    ),
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
