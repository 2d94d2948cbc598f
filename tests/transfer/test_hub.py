"""Presets of KerasHub as backbones: read from folders that KerasHub itself has written."""

import importlib.util
import json
import zipfile

import keras
import numpy as np
import pytest
from click.testing import CliRunner

from cnnkit import Experiment, data, run, transfer
from cnnkit.cli import main
from cnnkit.errors import MissingDataError, RunFolderError, SettingError, UnknownNameError
from cnnkit.runs import Run

installed = importlib.util.find_spec("keras_hub") is not None
needs_hub = pytest.mark.skipif(not installed, reason='needs KerasHub: pip install "cnnkit[hub]"')
SIZE = 40


def pixels(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype="uint8")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder with a small network and its converter, and both as they were before."""
    import keras_hub

    keras.utils.set_random_seed(2)
    network = keras_hub.models.ResNetBackbone(
        input_conv_filters=[64], input_conv_kernel_sizes=[7], stackwise_num_filters=[64, 8],
        stackwise_num_blocks=[1, 2], stackwise_num_strides=[1, 2], block_type="basic_block",
    )  # fmt: skip
    rng = np.random.default_rng(0)
    network.set_weights([each + rng.uniform(0, 0.1, each.shape) for each in network.get_weights()])
    converter = keras_hub.layers.ResNetImageConverter(
        image_size=(SIZE, SIZE), scale=[0.01, 0.02, 0.03], offset=[-1.0, 0.5, 2.0]
    )
    folder = tmp_path_factory.mktemp("presets") / "small_resnet"
    network.save_to_preset(str(folder))
    converter.save_to_preset(str(folder))
    return folder, network, converter


@needs_hub
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_maps_are_what_kerashub_makes_of_the_same_pixels_by_its_converter(saved, dtype):
    folder, network, converter = saved
    images = pixels(3, SIZE, SIZE, 3).astype(dtype)
    found = transfer.backbone(f"hub:{folder}", (SIZE, SIZE, 3))
    expected = network.predict_on_batch(np.asarray(converter(images)))
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(found.predict_on_batch(images), expected, rtol=1e-4, atol=1e-4)
    assert found.name == "small_resnet"


@needs_hub
def test_a_grey_image_of_another_size_gives_what_its_three_equal_channels_give(saved):
    grey = pixels(2, 32, 24, 1)
    one = transfer.backbone(f"hub:{saved[0]}", (32, 24, 1)).predict_on_batch(grey)
    three = transfer.backbone(f"hub:{saved[0]}", (32, 24, 3))
    np.testing.assert_allclose(
        one, three.predict_on_batch(np.repeat(grey, 3, axis=-1)), rtol=0, atol=1e-5
    )


@needs_hub
def test_it_is_frozen_kept_by_weights_and_fine_tuned_block_by_block(saved, own_image_cache):
    body = transfer.backbone(f"hub:{saved[0]}", (SIZE, SIZE, 3), output_layers=None)
    images = data.Dataset(
        name="noise", class_names=("a", "b"),
        **{
            split: data.Split(pixels(8, SIZE, SIZE, 3, seed=seed), np.arange(8) % 2)
            for seed, split in enumerate(("train", "validation", "test"))
        },
    )  # fmt: skip
    transfer.features(body, images)
    transfer.features(transfer.backbone(f"hub:{saved[0]}", (SIZE, SIZE, 3)), images)
    assert len(list(own_image_cache.glob("small_resnet-features-*/*.npy"))) == 3
    model = transfer.classifier(body, 2)
    before = body.get_weights()
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.train_on_batch(images.train.inputs, images.train.labels)
    for one, other in zip(before, body.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(transfer.blocks(model)) == 4  # the stem, 1 + 2 blocks
    transfer.FineTuning(epochs=1, optimizer=keras.optimizers.SGD(1e-3), blocks=1).begin(model)
    trained = {each.path.split("/")[0] for each in model.trainable_variables}
    assert trained == {"stack1_block1_1_conv", "stack1_block1_2_conv", "logits"}


@needs_hub
def test_a_run_on_a_preset_is_loaded_again(saved, tmp_path):
    folder = str(saved[0])

    def photos():
        """A head on a preset."""
        split = data.Split(pixels(8, SIZE, SIZE, 3), np.arange(8) % 2)
        images = data.Dataset(
            name="noise", class_names=("a", "b"), train=split, validation=split, test=split
        )
        model = transfer.create(f"hub:{folder}", images.image_shape, 2)
        return Experiment(data=images, model=model, optimizer=keras.optimizers.SGD(), epochs=1)

    done = run(photos, runs_dir=tmp_path)
    images = pixels(8, SIZE, SIZE, 3)
    again = keras.saving.load_model(done.folder / "model.keras")
    np.testing.assert_array_equal(
        done.model.predict_on_batch(images), again.predict_on_batch(images)
    )


@needs_hub
def test_it_computes_in_the_precision_of_the_policy(saved):
    from cnnkit.training.steps import precision

    with precision.precision_policy("mixed_bfloat16"):
        found = transfer.backbone(f"hub:{saved[0]}", (SIZE, SIZE, 3))
    assert found.get_layer("conv1_conv").compute_dtype == "bfloat16"
    assert found.get_layer("scaled_pixels").compute_dtype == "float32"


@needs_hub
def test_random_weights_are_never_silent(saved):
    with pytest.warns(UserWarning, match="untrained"):
        model = transfer.backbone(f"hub:{saved[0]}", (SIZE, SIZE, 3), weights="none")
    assert model.name == "small_resnet_untrained"
    kept = saved[1].get_weights()[0]
    assert not np.array_equal(kept, model.get_weights()[0])


@needs_hub
@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("hub:resnet_18_imagnet", {}, "did you mean 'resnet_18_imagenet'"),
        ("hub:small_resnet", {}, "no preset of KerasHub named 'small_resnet'"),
        ("hub:resnet_18_imagenet", {"weights": "mine.h5"}, "hub:FOLDER"),
    ],
)
def test_what_there_is_not_is_told_in_words(name, options, words):
    with pytest.raises((UnknownNameError, SettingError), match=words):
        transfer.backbone(name, (SIZE, SIZE, 3), **options)


@needs_hub
def test_a_folder_that_is_no_preset_and_an_offline_machine_are_told_apart(
    saved, tmp_path, monkeypatch
):
    import kagglehub
    import requests

    with pytest.raises(SettingError, match=r"cannot be loaded for images of 40 x 40: .*config"):
        transfer.backbone(f"hub:{tmp_path}", (SIZE, SIZE, 3))

    def offline(*arguments, **options):
        raise requests.exceptions.ConnectionError("Failed to resolve 'api.kaggle.com'")

    monkeypatch.setattr(kagglehub, "model_download", offline)
    with pytest.raises(MissingDataError, match=r"cannot be fetched \(kaggle://keras/.*hub:FOLDER"):
        transfer.backbone("hub:resnet_18_imagenet", (SIZE, SIZE, 3))


@needs_hub
def test_a_network_without_feature_maps_is_refused(tmp_path):
    import keras_hub

    network = keras_hub.models.ViTBackbone(
        (32, 32, 3), patch_size=16, num_layers=1, num_heads=1, hidden_dim=4, mlp_dim=4
    )
    network.save_to_preset(str(tmp_path))
    keras_hub.layers.ViTImageConverter(image_size=(32, 32)).save_to_preset(str(tmp_path))
    with pytest.raises(SettingError, match="ViTBackbone .* no feature map"):
        transfer.backbone(f"hub:{tmp_path}", (32, 32, 3))


@needs_hub
def test_presets_are_listed_with_their_parameters():
    done = CliRunner().invoke(main, ["backbones", "--hub"])
    assert done.exit_code == 0, done.output
    (line,) = [each for each in done.output.splitlines() if "hub:resnet_18_imagenet" in each]
    assert "11,186,112" in line


@pytest.fixture
def without_hub(monkeypatch):
    """Let Python not find KerasHub, whether it is here or not."""
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *package: None if name == "keras_hub" else find(name, *package),
    )


@pytest.mark.parametrize(
    "command",
    [
        ["features", "--dataset", "digits", "--backbone", "hub:resnet_18_imagenet"],
        ["backbones", "--hub"],
        ["run", "--dataset", "digits", "--model", "hub:resnet_18_imagenet"],
    ],
    ids=lambda command: command[0],
)
def test_without_the_extra_one_sentence_names_it(command, without_hub, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, command)
    assert done.exit_code != 0
    assert 'pip install "cnnkit[hub]"' in " ".join(done.output.split())
    assert done.output.count("Error: ") == 1


def test_a_run_with_layers_of_kerashub_says_what_to_install(tmp_path, without_hub):
    block = {
        "module": "keras_hub.src.models.efficientnet.mbconv", "class_name": "MBConvBlock",
        "config": {}, "registered_name": "keras_hub>MBConvBlock",
    }  # fmt: skip
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(block))
        archive.writestr("model.weights.h5", b"")
    with pytest.raises(RunFolderError, match=r'pip install "cnnkit\[hub\]"'):
        _ = Run(tmp_path).model


def test_backbones_says_how_to_get_those_of_kerashub():
    assert "cnnkit backbones --hub" in CliRunner().invoke(main, ["backbones"]).output
