"""What a model's outputs mean: logits, or probabilities after a softmax or sigmoid."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np
from keras import ops

from cnnkit.errors import SettingError
from cnnkit.explain.batches import in_batches
from cnnkit.keras_graph.arrays import as_numpy
from cnnkit.keras_graph.final_operation import final_operation
from cnnkit.keras_graph.hooks import replaced


def final_activation(model: keras.Model) -> str:
    """Return the activation between the model's logits and its output.

    Args:
        model: Any Keras model.

    Returns:
        "softmax", "sigmoid" or "none".

    >>> layers = [keras.Input((4,)), keras.layers.Dense(3, activation="softmax")]
    >>> final_activation(keras.Sequential(layers))
    'softmax'
    """
    last = _last_operation(model)
    named = getattr(last, "activation", None)
    name = getattr(named, "__name__", "") if named is not None else type(last).__name__.lower()
    return name if name in ("softmax", "sigmoid") else "none"


@contextmanager
def output_logits(model: keras.Model) -> Iterator[None]:
    """Make the model return its logits inside the block, whatever activation it ends in.

    The gradient of a probability vanishes where the model is sure of itself; that of the logit does
    not. Every attribution method therefore uses logits.

    Args:
        model: Any Keras model.
    """
    if final_activation(model) == "none":
        yield
        return
    last = _last_operation(model)
    if getattr(last, "activation", None) is not None:
        without_activation = replaced(last, "activation", keras.activations.linear)
    else:
        without_activation = replaced(last, "call", lambda values, **options: values)
    with without_activation:
        yield


def expand_binary_logits(scores):
    """Return logits of at least two classes.

    A single logit z stands for two classes: the softmax of -z / 2 and z / 2 is sigmoid(z).

    Args:
        scores: Logits `(batch, classes)`.

    Returns:
        A tensor `(batch, classes)` with at least two columns.

    Raises:
        SettingError: The scores are not `(batch, classes)`.
    """
    if len(scores.shape) != 2:
        raise SettingError(
            f"A classifier returns one number for each class, (batch, classes), not {tuple(scores.shape)}."
        )
    return ops.concatenate([-scores / 2, scores / 2], axis=-1) if scores.shape[-1] == 1 else scores


def predict_probabilities(
    model: keras.Model, batch: np.ndarray, batch_size: int = 32
) -> np.ndarray:
    """Return the probability of each class.

    Logits go through a softmax; the outputs of a softmax or sigmoid stay as they are. A single output
    is the probability of the second of two classes.

    Args:
        model: A Keras classifier.
        batch: What the model takes, with a batch axis.
        batch_size: Samples in one forward pass.

    Returns:
        `(samples, classes)`, float32, in [0, 1].

    Raises:
        SettingError: The model does not return one number for each class.
    """
    outputs = in_batches(model.predict_on_batch, batch_size, batch)
    activation = final_activation(model)
    if outputs.ndim != 2:
        expand_binary_logits(outputs)
    if activation == "none":
        columns = as_numpy(expand_binary_logits(ops.convert_to_tensor(outputs)))
        shifted = np.exp(columns - columns.max(axis=1, keepdims=True))
        return shifted / shifted.sum(axis=1, keepdims=True)
    return np.concatenate([1 - outputs, outputs], axis=1) if outputs.shape[1] == 1 else outputs


def class_indices(
    classes: int | np.ndarray | None, predicted: np.ndarray, model: keras.Model
) -> np.ndarray:
    """Return one class for each sample.

    Args:
        classes: None for the predicted classes, one index for all samples, or one for each.
        predicted: Scores or probabilities `(samples, classes)`.
        model: The model, named in error messages.

    Returns:
        `(samples,)`, int64.

    Raises:
        SettingError: An index does not exist, or there is another number of indices than samples.
    """
    samples, count = predicted.shape
    if classes is None:
        return predicted.argmax(axis=1)
    chosen = np.asarray(classes)
    if chosen.ndim > 1 or (chosen.ndim == 1 and len(chosen) != samples):
        raise SettingError(f"Give one class for all images, or one for each of the {samples}.")
    wrong = np.atleast_1d(chosen)[(np.atleast_1d(chosen) < 0) | (np.atleast_1d(chosen) >= count)]
    if wrong.size:
        raise SettingError(
            f"There is no class {wrong[0]}: model {model.name!r} has {count}, "
            f"from 0 to {count - 1}."
        )
    return np.broadcast_to(chosen, (samples,)).astype("int64")


def _last_operation(model: keras.Model):
    return final_operation(model) or model.layers[-1]
