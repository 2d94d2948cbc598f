"""The model a run saves for use: raw inputs in, probabilities out."""

import keras

from cnnkit.experiment.experiment import Experiment


def deployable_model(experiment: Experiment) -> keras.Model:
    """Return the experiment's model with scaling before it, and probabilities after it.

    Logits go through a softmax, or, where samples may have several classes, each through a sigmoid.
    It shares the layers and weights of `experiment.network`. Inputs are the data set's raw values
    (0 to 255 for pictures), outputs are probabilities, shape (batch, classes).
    """
    data, model = experiment.data, experiment.network
    inputs = keras.Input(data.image_shape, name="raw")
    outputs = inputs
    if experiment.input_scale != 1:
        outputs = keras.layers.Rescaling(experiment.input_scale, name="scale")(outputs)
    outputs = model(outputs)
    if getattr(experiment.loss, "from_logits", False):
        outputs = data.task.output_layer(name="probabilities", dtype="float32")(outputs)
    return keras.Model(inputs, outputs, name=f"{model.name}_deployed")


def first_filters(model: keras.Model):
    """Return the kernel of the first 2-D convolution, (height, width, in, out), or None."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            kernel = first_filters(layer)
            if kernel is not None:
                return kernel
        elif isinstance(layer, keras.layers.Conv2D):
            return keras.ops.convert_to_numpy(layer.kernel)
    return None
