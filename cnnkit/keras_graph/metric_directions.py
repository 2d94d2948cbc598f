"""Whether a Keras metric is better when it is higher or when it is lower."""

import keras

DIRECTIONS = {"up": "max", "down": "min"}


def metric_direction(metric) -> str | None:
    """Return the direction of a metric, which Keras' own EarlyStopping reads in the same place.

    Args:
        metric: One of `metrics` in `keras.Model.compile`: an object, a function, or a name.

    Returns:
        "max", "min", or None where Keras does not know.
    """
    if isinstance(metric, str):
        try:
            metric = keras.metrics.get(metric)
        except ValueError:
            return None
    return DIRECTIONS.get(getattr(metric, "_direction", ""))
