"""What values a network takes: the one factor between stored values and its input.

Pictures are stored as 0 to 255. A network of `cnnkit.models` takes them as 0 to 1; a pretrained
network has its own preprocessing inside and takes them as they are stored. A network says the
latter by the name of its input, which is saved with it. Nothing else scales a pixel.
"""

from cnnkit.data.dataset import Dataset

STORED_PIXELS = "pixels_0_to_255"


def input_scale(model, dataset: Dataset) -> float:
    """Return what stored values are multiplied by, to be what a network takes.

    Args:
        model: A Keras model. One whose input is named `STORED_PIXELS` takes pixels from 0 to 255;
            any other takes pixels from 0 to 1.
        dataset: The data set that the model takes.

    Returns:
        The factor; 1 for values that are not pixels, such as token numbers and sounds.
    """
    inputs = getattr(model, "inputs", None) or ()
    takes_stored = any(each.name == STORED_PIXELS for each in inputs)
    return dataset.scale * 255 if takes_stored else dataset.scale
