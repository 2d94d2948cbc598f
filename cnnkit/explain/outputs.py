"""What a model's outputs mean: logits, or probabilities after a softmax or a sigmoid."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np
from keras import ops

from cnnkit.errors import SettingError
from cnnkit.explain.batches import in_batches
from cnnkit.keras_graph.hooks import replaced


def final_activation(model: keras.Model) -> str:
    """Return "softmax", "sigmoid" or "none": what stands between the model's logits and its output.

    >>> layers = [keras.Input((4,)), keras.layers.Dense(3, activation="softmax")]
    >>> final_activation(keras.Sequential(layers))
    'softmax'
    """
    last = _last_operation(model)
    named = getattr(last, "activation", None)
    name = getattr(named, "__name__", "") if named is not None else type(last).__name__.lower()
    return name if name in ("softmax", "sigmoid") else "none"


@contextmanager
def giving_logits(model: keras.Model) -> Iterator[None]:
    """Let the model give its logits inside the block, whatever it ends in.

    The gradient of a probability vanishes where the model is sure of itself; that of the logit
    does not, which is why every attribution method asks for it.
    """
    if final_activation(model) == "none":
        yield
        return
    last = _last_operation(model)
    if getattr(last, "activation", None) is not None:
        unchanged = replaced(last, "activation", keras.activations.linear)
    else:
        unchanged = replaced(last, "call", lambda values, **options: values)
    with unchanged:
        yield


def one_column_a_class(scores):
    """Return logits (batch, classes) of at least two classes, as a tensor.

    A single logit z is that of two classes: its halves, -z / 2 and z / 2, have sigmoid(z) for
    softmax.
    """
    if len(scores.shape) != 2:
        raise SettingError(
            f"A classifier gives one number a class, shape (batch, classes), not {tuple(scores.shape)}."
        )
    return ops.concatenate([-scores / 2, scores / 2], axis=-1) if scores.shape[-1] == 1 else scores


def probabilities(model: keras.Model, batch: np.ndarray, batch_size: int = 32) -> np.ndarray:
    """Return what the model gives each class, shape (samples, classes), float32, from 0 to 1.

    Logits go through a softmax; outputs of a softmax or a sigmoid are left as they are, and one
    output alone is that of the second of two classes.
    """
    outputs = in_batches(model.predict_on_batch, batch_size, batch)
    activation = final_activation(model)
    if outputs.ndim != 2:
        one_column_a_class(outputs)
    if activation == "none":
        columns = ops.convert_to_numpy(one_column_a_class(ops.convert_to_tensor(outputs)))
        shifted = np.exp(columns - columns.max(axis=1, keepdims=True))
        return shifted / shifted.sum(axis=1, keepdims=True)
    return np.concatenate([1 - outputs, outputs], axis=1) if outputs.shape[1] == 1 else outputs


def class_indices(
    classes: int | np.ndarray | None, predicted: np.ndarray, model: keras.Model
) -> np.ndarray:
    """Return a class a sample, int64: those asked for, or the predicted ones.

    classes: None, one index for all samples, or one a sample. predicted: scores or probabilities
    (samples, classes). Raises SettingError for an index that does not exist.
    """
    samples, count = predicted.shape
    if classes is None:
        return predicted.argmax(axis=1)
    chosen = np.asarray(classes)
    if chosen.ndim > 1 or (chosen.ndim == 1 and len(chosen) != samples):
        raise SettingError(f"Give one class for all, or one for each of {samples} images.")
    wrong = np.atleast_1d(chosen)[(np.atleast_1d(chosen) < 0) | (np.atleast_1d(chosen) >= count)]
    if wrong.size:
        raise SettingError(
            f"There is no class {wrong[0]}: model {model.name!r} has {count}, "
            f"from 0 to {count - 1}."
        )
    return np.broadcast_to(chosen, (samples,)).astype("int64")


def _last_operation(model: keras.Model):
    operations = getattr(model, "operations", None) or model.layers
    last = operations[-1]
    return _last_operation(last) if isinstance(last, keras.Model) else last
