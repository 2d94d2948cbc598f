"""The folder for TensorFlow Serving: its signature of raw files, called as the server calls it."""

import io
import runpy
import sys

import keras
import numpy as np
import pytest
from exports import trained
from PIL import Image

from cnnkit import data, deploy

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="see test_export_process"),
]

SHAPE = (24, 32, 3)


def photo(seed, size=(90, 70), mode="RGB"):
    """A smooth picture: noise would be all that resizing differs by."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (5, 6, len(Image.new(mode, (1, 1)).getbands())), dtype=np.uint8)
    return Image.fromarray(small.squeeze(), mode).resize(size, Image.Resampling.BICUBIC)


def content(picture, form):
    file = io.BytesIO()
    picture.save(file, form, **({"quality": 95} if form == "JPEG" else {}))
    return file.getvalue()


@pytest.fixture(scope="module")
def coloured():
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, (60, 1, 1, 3)) * np.ones((60, *SHAPE))
    labels = colours[:, 0, 0].argmax(axis=1)
    split = data.Split(colours.astype("uint8"), labels)
    return data.Dataset(
        name="colours",
        train=split,
        validation=split,
        test=split,
        class_names=("red", "gr een", "blau"),
    )


@pytest.fixture(scope="module")
def served(coloured, tmp_path_factory):
    """A model, and the loaded version of its export."""
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("served")
    model = trained(coloured, image_shape=SHAPE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cnnkit.deploy.speed.SECONDS", 0.02)
        deploy.export(model, "serving", dataset=coloured, output=folder)
    assert [each.name for each in (folder / "serving").iterdir() if each.name.isdigit()] == ["1"]
    return model, tf.saved_model.load(folder / "serving" / "1"), folder / "serving"


FILES = {
    "JPEG": content(photo(1), "JPEG"),
    "PNG": content(photo(2, (40, 200)), "PNG"),
    "small": content(photo(3, (10, 8)), "PNG"),
    "grey": content(photo(4, mode="L"), "JPEG"),
    "transparent": content(photo(5, mode="RGBA"), "PNG"),
    "grey and transparent": content(photo(6, mode="LA"), "PNG"),
    "BMP": content(photo(7), "BMP"),
}


def answers(loaded, files):
    import tensorflow as tf

    answer = loaded.signatures["serving_default"](image_bytes=tf.constant(files))
    return {name: value.numpy() for name, value in answer.items()}


@pytest.mark.parametrize("name", FILES)
def test_raw_bytes_are_answered_as_cnnkit_answers_them(served, name):
    model, loaded, _ = served
    inputs = deploy.PictureInput(SHAPE[:2], 3)
    batch = inputs.batch([inputs.decode(FILES[name])]).astype("float32")
    ours = model.predict(batch, verbose=0)
    np.testing.assert_allclose(answers(loaded, [FILES[name]])["probabilities"], ours, atol=0.01)


def test_a_batch_of_other_sizes_is_named_by_its_labels(served):
    _, loaded, _ = served
    answer = answers(loaded, list(FILES.values()))
    best = np.argsort(-answer["probabilities"], axis=1)
    names = np.array(["red", "gr een", "blau"])
    assert [name.decode() for name in answer["label"]] == names[best[:, 0]].tolist()
    decoded = np.vectorize(bytes.decode)(answer["classes"])
    np.testing.assert_array_equal(decoded, names[best])
    np.testing.assert_array_equal(
        answer["scores"], np.take_along_axis(answer["probabilities"], best, axis=1)
    )


def test_pixels_have_a_signature_of_their_own(served):
    import tensorflow as tf

    model, loaded, _ = served
    batch = np.random.default_rng(1).integers(0, 256, (5, *SHAPE)).astype("float32")
    found = loaded.signatures["pixels"](inputs=tf.constant(batch))["probabilities"]
    np.testing.assert_allclose(found, model.predict(batch, verbose=0), atol=1e-5)


def test_the_script_beside_it_says_what_the_signature_says(served, tmp_path, monkeypatch, capsys):
    _, loaded, folder = served
    (tmp_path / "cat.jpg").write_bytes(FILES["JPEG"])
    monkeypatch.setattr(sys, "argv", ["predict.py", str(tmp_path / "cat.jpg")])
    runpy.run_path(str(folder / "predict.py"), run_name="__main__")
    percent, label = capsys.readouterr().out.splitlines()[0].split(maxsplit=1)
    answer = answers(loaded, [FILES["JPEG"]])
    assert label == answer["label"][0].decode()
    assert float(percent.rstrip("%")) / 100 == pytest.approx(answer["scores"][0, 0], abs=1e-4)


@pytest.mark.parametrize(("channels", "fit"), [(1, "stretch"), (3, "crop"), (1, "crop")])
def test_pictures_are_cut_and_grey_as_for_training(channels, fit):
    import tensorflow as tf

    from cnnkit.deploy.formats.serving import decoder

    inputs = deploy.PictureInput((24, 32), channels, fit, (-1.0, 1.0))
    card = {"shape": [24, 32, channels], "fit": fit, "value_range": (-1.0, 1.0)}
    for file in (FILES["JPEG"], FILES["PNG"], FILES["transparent"]):
        found = decoder(card)(tf.constant(file)).numpy()
        ours = inputs.batch([inputs.decode(file)])[0]
        assert found.shape == ours.shape
        # A box of half pixels and the JPEG decoder leave a few of 255 levels.
        assert np.abs(found - ours).mean() < 2 / 255 * 2
