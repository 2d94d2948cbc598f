import keras
import numpy as np
import pytest
from seen_features import asked_of

from cnnkit import transfer
from cnnkit.transfer.extraction import AugmentedViews, dataset_features

pytestmark = pytest.mark.filterwarnings("ignore:The backbone .* is untrained")


def test_features_are_what_the_pooled_backbone_gives(photos, body):
    found = transfer.features(body, photos)
    for name, split in found.splits.items():
        expected = body.predict_on_batch(photos.splits[name].inputs).mean(axis=(1, 2))
        np.testing.assert_allclose(split.inputs, expected, rtol=0, atol=1e-5)
        np.testing.assert_array_equal(split.labels, photos.splits[name].labels)
    assert found.image_shape == (256,)
    assert found.scale == 1


def test_the_progress_bar_says_what_it_counts(photos, body, capsys):
    extractor = transfer.feature_extractor(body)
    transfer.split_features(extractor, photos.test, cache=False)
    label = f"Features of {len(photos.test)} images by {extractor.name}"
    assert label in capsys.readouterr().out


def test_batch_normalisation_is_folded_into_the_layers_before_it(photos, body, monkeypatch):
    for layer in body.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_variance.assign(np.linspace(0.5, 2, layer.moving_variance.shape[0]))
    expected = transfer.feature_extractor(body).predict_on_batch(photos.test.inputs[:])
    asked = asked_of(monkeypatch)
    found = transfer.features(body, photos, cache=False).test.inputs
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert len({id(model) for model, _ in asked}) == 1
    assert not any(
        isinstance(layer, keras.layers.BatchNormalization) for layer in asked[0][0].layers
    )


def test_splits_that_nobody_looks_at_cost_nothing(vectors, photos, monkeypatch):
    asked = asked_of(monkeypatch)
    found = dataset_features(
        vectors, photos, cache=False, views=AugmentedViews(), skip_splits=("train", "test")
    )
    assert [samples for _, samples in asked] == [5]  # those of validation
    assert found.train.inputs.shape == found.test.inputs.shape == (0, 256)
    assert len(found.validation) == 5


@pytest.mark.slow
def test_a_head_trained_on_features_predicts_as_one_trained_in_place(photos, body):
    from cnnkit.transfer.heads import attach_head, head

    found = transfer.features(body, photos)
    alone, whole = head(256, 2), transfer.classifier(body, 2)
    whole.get_layer("logits").set_weights(alone.get_layer("logits").get_weights())
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    for model, split in ((alone, found.train), (whole, photos.train)):
        model.compile(keras.optimizers.Adam(1e-2), loss)
        inputs = np.asarray(split.inputs)
        model.fit(inputs, split.labels, batch_size=35, epochs=3, shuffle=False, verbose=0)
    predicted = whole.predict_on_batch(photos.test.inputs)
    np.testing.assert_allclose(
        attach_head(body, alone).predict_on_batch(photos.test.inputs), predicted, rtol=0, atol=1e-4
    )
