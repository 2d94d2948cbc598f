import keras
import numpy as np
import pytest

from cnnkit.errors import SettingError
from cnnkit.evaluation.augmentation import test_time_augmentation


@pytest.fixture(scope="module")
def model():
    """A network whose answers depend on where things are."""
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((5, 7, 2)),
            keras.layers.Flatten(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )


def by_hand(images, flip, shift):
    """All views of images, made with NumPy's slices."""
    found = []
    for image in (images, images[:, :, ::-1]) if flip else (images,):
        found.append(image)
        for axis, side in ((1, 1), (1, -1), (2, 1), (2, -1)) if shift else ():
            moved = np.roll(image, side * shift, axis)
            uncovered = [slice(None)] * 4
            uncovered[axis] = slice(None, shift) if side > 0 else slice(-shift, None)
            moved[tuple(uncovered)] = 0
            found.append(moved)
    return found


@pytest.mark.parametrize(("flip", "shift", "views"), [(True, 0, 2), (False, 2, 5), (True, 1, 10)])
def test_answers_are_the_mean_over_views_also_when_stored(model, tmp_path, flip, shift, views):
    images = np.random.default_rng(0).random((4, 5, 7, 2)).astype("float32")
    seen = by_hand(images, flip, shift)
    assert len(seen) == views
    wanted = np.mean([model.predict(each, verbose=0) for each in seen], axis=0)
    made = test_time_augmentation(model, flip=flip, shift=shift)
    assert made.count_params() == model.count_params()
    np.testing.assert_allclose(made(images), wanted, rtol=1e-5)
    made.save(tmp_path / "views.keras")
    again = keras.saving.load_model(tmp_path / "views.keras", safe_mode=True)
    np.testing.assert_allclose(again(images), wanted, rtol=1e-5)


@pytest.mark.parametrize("given", [{"flip": False}, {"shift": -1}, {"shift": 5}])
def test_views_that_there_are_not_are_refused(model, given):
    with pytest.raises(SettingError, match="no views|below the image's sides"):
        test_time_augmentation(model, **given)


def test_what_takes_no_images_is_refused():
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)])
    with pytest.raises(SettingError, match="Views need images"):
        test_time_augmentation(model)
