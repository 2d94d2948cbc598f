"""Training with auxiliary classifiers, which help the main one to learn and are not saved."""

import math

import keras

from cnnkit.errors import SettingError

PREFIX = "auxiliary_"  # outputs of these layers are auxiliary without being declared so
LOSS_WEIGHT = 0.3  # of each of them: Szegedy et al. 2014, section 5


class AuxiliaryOutputs(keras.Model):
    """Trains a network on a weighted sum of the losses of its outputs, with the same labels.

    Called with `training=True`, it returns all outputs; otherwise the main one. So metrics,
    validation and what a run saves are about the main output alone.

    Args:
        network: Functional model with several outputs of one shape, the main one first.
        loss_weights: Weight of each output's loss.

    Attributes:
        main_network: The model from the input to the main output; it shares its layers with
            `network`.
    """

    def __init__(self, network: keras.Model, loss_weights: tuple[float, ...]):
        super().__init__(name=network.name)
        self.network, self.loss_weights = network, loss_weights
        main_network = keras.Model(network.input, network.outputs[0], name=network.name)
        # Keras would otherwise track its layers a second time.
        object.__setattr__(self, "main_network", main_network)

    def call(self, inputs, training=False):
        """Return a list of all outputs in training, else the main one."""
        if training:
            return self.network(inputs, training=True)
        return self.main_network(inputs, training=False)

    def compile(self, optimizer, loss, **options):
        """Configure training, as `keras.Model.compile` does.

        Args:
            optimizer: As in Keras.
            loss: A `keras.losses.Loss` or a function, for each output.
            **options: More of `keras.Model.compile`.
        """
        self._output_loss = loss
        super().compile(optimizer=optimizer, loss=loss, **options)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Return the weighted sum of the outputs' losses in training, else the main one's.

        Args:
            x: Inputs, which are not used.
            y: Labels of the batch.
            y_pred: The outputs in training, else the main output.
            sample_weight: Weight of each sample, or None.
            training: Whether this is a training step.

        Returns:
            Scalar tensor; regularization losses are added.
        """
        if not training:
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        weighted = [
            weight * self._loss_of(y, output, sample_weight)
            for weight, output in zip(self.loss_weights, y_pred, strict=True)
        ]
        return sum(weighted) + sum(keras.ops.sum(loss) for loss in self.losses)

    def _loss_of(self, y, output, sample_weight):
        if isinstance(self._output_loss, keras.losses.Loss):
            return self._output_loss(y, output, sample_weight)
        return keras.ops.mean(self._output_loss(y, output))

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Update the metrics with the main output.

        Args:
            x: Inputs of the batch.
            y: Labels of the batch.
            y_pred: The outputs in training, else the main output.
            sample_weight: Weight of each sample, or None.

        Returns:
            Dict of all metrics by name.
        """
        main = y_pred[0] if isinstance(y_pred, list | tuple) else y_pred
        return super().compute_metrics(x, y, main, sample_weight)


def with_auxiliary_outputs(model, loss_weights: tuple[float, ...] | None):
    """Return the model to train where a network has auxiliary outputs.

    Args:
        model: What an Experiment takes as `model`.
        loss_weights: Weight of each output's loss, the main one's first. None for 1 and 0.3 where
            the layers of the further outputs are named "auxiliary_...".

    Returns:
        AuxiliaryOutputs around a model with several outputs; any other model as it is.

    Raises:
        SettingError: `loss_weights` do not fit the outputs, or auxiliary outputs differ from the
            main one in shape.
    """
    if isinstance(model, AuxiliaryOutputs):
        return model
    names = _output_names(model)
    if loss_weights is None:
        if len(names) < 2 or not all(name.startswith(PREFIX) for name in names[1:]):
            return model
        loss_weights = (1.0, *[LOSS_WEIGHT] * (len(names) - 1))
    if len(names) < 2 or len(loss_weights) != len(names):
        raise SettingError(
            "loss_weights has a weight for each output of a model with auxiliary outputs: the model "
            f"has {max(len(names), 1)}, and loss_weights are {loss_weights!r}."
        )
    if not all(math.isfinite(weight) and weight >= 0 for weight in loss_weights):
        raise SettingError(f"loss_weights are numbers of at least 0, not {loss_weights!r}.")
    shapes = [tuple(output.shape) for output in model.outputs]
    if len(set(shapes)) > 1:
        raise SettingError(
            f"Auxiliary outputs have the shape of the main one, {shapes[0]}; those of the model "
            f"{model.name!r} have {shapes[1:]}."
        )
    return AuxiliaryOutputs(model, tuple(loss_weights))


def _output_names(model) -> list[str]:
    """Return the names of a functional model's outputs; none where it has no list of them."""
    if isinstance(model, keras.Model) and isinstance(getattr(model, "output", None), list):
        return list(model.output_names)
    return []
