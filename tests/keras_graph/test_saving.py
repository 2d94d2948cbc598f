"""A model saved to memory, as Keras' own file and without Keras' needless work."""

import io

import keras
import numpy as np

from cnnkit.keras_graph.saving import keras_file


def network():
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)], name="inner")
    inputs = keras.Input((4,))
    return keras.Model(inputs, keras.layers.Dense(2)(inner(inputs)))


def test_is_a_file_that_keras_opens_with_the_same_weights(tmp_path):
    model = network()
    (tmp_path / "it.keras").write_bytes(keras_file(model))
    opened = keras.saving.load_model(tmp_path / "it.keras")
    for ours, theirs in zip(opened.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_saving_makes_no_layer_after_the_first_time(monkeypatch):
    model = network()
    first = keras_file(model)
    made, make = [], keras.layers.Layer.__init__

    def counted(self, *arguments, **options):
        made.append(self)
        make(self, *arguments, **options)

    monkeypatch.setattr(keras.layers.Layer, "__init__", counted)
    again = keras_file(model)
    assert not made
    assert len(io.BytesIO(again).read()) == len(first)
