"""What the report shows of a network: the arrays, and the pictures made of them."""

import dataclasses
import re

import keras
import numpy as np
import pytest

from cnnkit import data, explain, report
from cnnkit.errors import SettingError
from cnnkit.evaluation import Evaluation
from cnnkit.runs import Run

pytestmark = pytest.mark.once


def network(*layers):
    keras.utils.set_random_seed(1)
    return keras.Sequential([keras.Input((12, 12, 1)), *layers])


@pytest.fixture(scope="module")
def shapes():
    return data.xo(train=60, validation=10, test=30, image_size=12)


@pytest.fixture(scope="module")
def convolutional():
    return network(
        keras.layers.Conv2D(4, 3, activation="relu", name="C1"),
        keras.layers.MaxPooling2D(name="S2"),
        keras.layers.Flatten(),
        keras.layers.Dense(2, activation="softmax"),
    )


def evaluated(model, shapes):
    chances = np.asarray(model.predict(shapes.test.inputs, verbose=0), float)
    return Evaluation(shapes.test.labels, chances, shapes.class_names)


@pytest.fixture(scope="module")
def seen(convolutional, shapes):
    evaluation = evaluated(convolutional, shapes)
    return report.explain_samples(convolutional, shapes, evaluation), evaluation


def test_hits_come_first_then_the_worst_mistakes(seen, shapes):
    views, evaluation = seen
    right = evaluation.predicted[views.samples] == evaluation.labels[views.samples]
    hits = int(right.sum())
    assert right.tolist() == [True] * hits + [False] * (len(right) - hits)
    assert views.samples[hits:].tolist() == evaluation.worst_mistakes(8).tolist()
    np.testing.assert_array_equal(views.images, shapes.test.inputs[views.samples])


def test_the_heat_is_that_of_the_predicted_class(seen, convolutional):
    views, evaluation = seen
    expected = explain.grad_cam(convolutional, views.images, evaluation.predicted[views.samples])
    np.testing.assert_allclose(views.heat, expected, atol=1e-6)
    assert views.method == "Grad-CAM"
    assert set(views.maps) == {"C1", "S2"}


def test_stages_are_those_that_learnt_not_pixels_scaled_or_padded(shapes):
    model = network(
        keras.layers.Rescaling(0.5),
        keras.layers.ZeroPadding2D(1),
        keras.layers.Conv2D(3, 3, strides=2, name="C1"),
        keras.layers.Flatten(),
        keras.layers.Dense(2, activation="softmax"),
    )
    assert set(report.explain_samples(model, shapes, evaluated(model, shapes)).maps) == {"C1"}


def test_neighbours_are_nearest_by_brute_force(seen, convolutional, shapes):
    views, _ = seen
    read = keras.Model(convolutional.inputs, convolutional.layers[-2].output)
    points, train = (read.predict(x, verbose=0) for x in (views.images, shapes.train.inputs))
    gaps = np.linalg.norm(points[:, None] - train, axis=2)
    nearest = shapes.train.inputs[gaps.argmin(axis=1)]
    np.testing.assert_array_equal(views.neighbours[:, 0], nearest)
    assert views.compared == 60
    np.testing.assert_array_equal(
        views.neighbour_labels[:, 0], shapes.train.labels[gaps.argmin(axis=1)]
    )


def test_the_report_says_how_many_training_images_were_compared(seen, shapes, tmp_path):
    views, evaluation = seen
    for number, (compared, says) in enumerate(((60, "of 60"), (20, "of 20 of the 60"))):
        some = dataclasses.replace(views, compared=compared)
        text = written(tmp_path / str(number), evaluation, shapes, some)
        assert f"The nearest {says} training images" in text
    none = dataclasses.replace(views, neighbours=None, neighbour_labels=None)
    text = written(tmp_path / "none", evaluation, shapes, none)
    assert "left out: the network has no dense layer" in text


def test_a_network_without_maps_is_seen_by_its_gradient(shapes, tmp_path):
    dense = network(keras.layers.Flatten(), keras.layers.Dense(2, activation="softmax"))
    evaluation = evaluated(dense, shapes)
    views = report.explain_samples(dense, shapes, evaluation)
    assert (views.method, views.maps) == ("gradient", {})
    assert views.heat.max() == pytest.approx(1)
    text = written(tmp_path, evaluation, shapes, views)
    assert "(gradient)" in text
    assert "The path of one image" not in text


def test_a_closer_look_follows_one_image_and_changes_others(convolutional, shapes, tmp_path):
    evaluation = evaluated(convolutional, shapes)
    views = report.explain_samples(convolutional, shapes, evaluation, mistakes=1, closely=True)
    top = np.sort(evaluation.probabilities, axis=1)
    unsure = (top[:, -1] - top[:, -2]).argmin()  # an instructive picture: a close call
    np.testing.assert_array_equal(views.walk.image, shapes.test.inputs[unsure])
    assert views.walk.label == shapes.test.labels[unsure]
    assert {found.samples for found in views.responses.values()} == {len(shapes.test)}
    unchanged = views.responses["shift"].accuracy[0]
    assert unchanged == pytest.approx(evaluation.accuracy)
    text = written(tmp_path, evaluation, shapes, views)
    assert text.index("An unsure picture, number by number") < text.index("What it survives")
    assert f"gives {views.walk.unit.value:.4g} in layer C1" in text


def test_inputs_that_are_no_images_are_refused_with_their_shape(convolutional):
    with pytest.raises(SettingError, match=r"\(4000,\)"):
        report.explain_samples(
            convolutional, data.load("chirps", train=8, validation=4, test=4), None
        )


def written(folder, evaluation, shapes, views):
    run = Run.create(folder, "seen")
    return report.write(run, evaluation, images=shapes.test.inputs, explanations=views).read_text()


def test_the_report_answers_three_questions_first_and_then_follows_one_image(
    seen, shapes, tmp_path
):
    views, evaluation = seen
    text = written(tmp_path, evaluation, shapes, views)
    first, rest = text.split("<section>", 1)
    assert "test accuracy" in first
    assert "Where it is wrong" in first
    assert first.count("data:image/png") == 4
    assert "(Grad-CAM)" in first
    assert "C1: 4 maps of 10 × 10" in rest
    assert "S2: 4 maps of 5 × 5" in rest
    mistakes = int((evaluation.predicted != evaluation.labels)[views.samples].sum())
    assert rest.count("Training image near") == 3 * mistakes
    for words in re.findall(r'<img[^>]* alt="([^"]*)"', text):
        assert len(words) > 10
    assert len(text) < 400_000
