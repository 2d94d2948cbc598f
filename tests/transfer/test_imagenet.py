import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from cnnkit import transfer
from cnnkit.cli.root import main
from cnnkit.errors import BadFilesError, SettingError


@pytest.fixture(scope="module")
def samples(shared):
    return sorted((shared / "data" / "imagenet_sample").glob("*.JPEG"))


@pytest.mark.slow
@pytest.mark.once
def test_probabilities_are_those_of_keras_by_hand_image_by_image(samples, cached_keras):
    images = np.stack(
        [np.asarray(Image.open(path).convert("RGB").resize((224, 224))) for path in samples]
    )
    by_hand = keras.applications.MobileNetV2((224, 224, 3)).predict(
        keras.applications.mobilenet_v2.preprocess_input(images.astype("float32")), verbose=0
    )
    found = transfer.imagenet_classifier("mobilenet_v2").predict(images, verbose=0)
    np.testing.assert_allclose(found, by_hand, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(found.argsort()[:, -5:], by_hand.argsort()[:, -5:])


@pytest.mark.once
def test_the_five_labels_are_those_that_keras_recorded(samples, shared, cached_keras):
    recorded = json.loads((shared / "data/reference/imagenet_sample_predictions.json").read_text())[
        "predictions"
    ]
    from cnnkit.transfer.imagenet import imagenet_classes

    labels = [label for _, label in imagenet_classes()]
    model = transfer.imagenet_classifier("mobilenet_v2")
    same = [
        labels[recorded[path.name]["MobileNetV2_1.0_224/squash"][0][0]] == best[0][0]
        for path, best in transfer.most_probable(model, samples)
    ]
    assert np.mean(same) >= 0.96  # JPEG files are decoded at a fraction here, and there were not


@pytest.mark.once
def test_a_folder_in_imagenets_layout_is_scored(samples, cached_keras, tmp_path):
    for path in samples[:12]:
        folder = tmp_path / path.name.split("_")[0]
        folder.mkdir()
        shutil.copy(path, folder / "image.JPEG")
    (tmp_path / "notes").mkdir()
    found = transfer.evaluate_imagenet(tmp_path)
    assert found["images"] == 12
    assert 0.5 <= found["top_1"] <= found["top_5"] <= 1


@pytest.mark.once
def test_a_damaged_file_ends_the_scoring_and_is_named(samples, cached_keras, tmp_path):
    folder = tmp_path / samples[0].name.split("_")[0]
    folder.mkdir()
    shutil.copy(samples[0], folder / "image.JPEG")
    (folder / "odd.JPEG").write_bytes(samples[0].read_bytes()[:2000])
    with pytest.raises(BadFilesError) as caught:
        transfer.evaluate_imagenet(tmp_path)
    assert [Path(name).name for name in caught.value.reasons] == ["odd.JPEG"]


def test_a_folder_of_another_layout_is_refused(cached_keras, tmp_path):
    with pytest.raises(SettingError, match="WordNet"):
        transfer.evaluate_imagenet(tmp_path)


@pytest.mark.once
def test_classify_prints_five_labels_an_image(samples, cached_keras):
    done = CliRunner().invoke(main, ["classify", str(samples[0])])
    assert done.exit_code == 0, done.output
    first, path, best, *others = done.output.splitlines()
    assert first == "Images are stretched to 224 x 224 pixels."
    assert path.endswith(samples[0].name)
    assert "tiger shark" in best
    assert len(others) == 4


@pytest.mark.once
def test_classify_names_a_damaged_photo_and_labels_the_others(samples, cached_keras, tmp_path):
    shutil.copy(samples[0], tmp_path / "a.jpg")
    (tmp_path / "b.jpg").write_bytes(samples[1].read_bytes()[:2000])
    shutil.copy(samples[0], tmp_path / "c.jpg")
    done = CliRunner().invoke(main, ["classify", str(tmp_path)])
    assert done.exit_code == 1
    lines = done.output.splitlines()
    assert [line for line in lines if line.startswith(f"{tmp_path}/b.jpg cannot be decoded")]
    assert done.output.count("tiger shark") == 2


def test_backbones_lists_every_network(cached_keras):
    done = CliRunner().invoke(main, ["backbones"])
    assert all(name in done.output for name in transfer.names())
