"""The factor between stored pixels and a network's input.

Pictures are stored as 0 to 255. A network of `cnnkit.models` takes 0 to 1. A pretrained network
takes 0 to 255, because it contains its own preprocessing; the name of its input, which is saved with
it, says so. This is the only place that decides how pixels are scaled.
"""

from cnnkit.data.dataset import Dataset

STORED_PIXELS = "pixels_0_to_255"


def input_scale(model, dataset: Dataset) -> float:
    """Return the factor by which stored values are multiplied before the network.

    Args:
        model: A Keras model. One whose input is named `STORED_PIXELS` takes pixels from 0 to 255;
            any other takes pixels from 0 to 1.
        dataset: The data set whose values the model takes.

    Returns:
        The factor; 1 for values that are not pixels, such as token numbers and sounds.
    """
    inputs = getattr(model, "inputs", None) or ()
    takes_stored = any(each.name == STORED_PIXELS for each in inputs)
    return dataset.scale * 255 if takes_stored else dataset.scale
