"""The loss that LeNet-5 was trained with in 1998: LeCun et al., https://doi.org/10.1109/5.726791."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="cnnkit")
class LeNet5Loss(keras.losses.Loss):
    """Computes equation 9 of the paper: y_D + log(exp(-j) + sum of exp(-y)).

    y are the squared distances to the classes' bitmaps, y_D that of the right class. The second term
    pushes wrong classes away; the constant j keeps it from pushing those that are far enough away.
    Takes labels, (batch,), and the negative distances that `models.lenet5_1998` gives as logits,
    (batch, classes).

    Args:
        j: The constant, above 0. The paper does not give its value; 0.1 is our choice.
        name: Name of the loss.
        **options: Options of `keras.losses.Loss`, such as reduction.

    >>> loss = LeNet5Loss(j=0.1)
    >>> round(float(loss(ops.array([0]), ops.array([[0.0, -50.0]]))), 4)  # log(exp(-0.1) + 1 + exp(-50))
    0.6444
    """

    def __init__(self, j=0.1, name="lenet5_loss", **options):
        super().__init__(name=name, **options)
        self.j = j
        self.from_logits = True

    def call(self, y_true, y_pred):
        """Return the loss of each sample, shape (batch,)."""
        labels = ops.cast(ops.reshape(y_true, (-1,)), "int32")
        right = ops.sum(ops.one_hot(labels, y_pred.shape[-1], dtype=y_pred.dtype) * y_pred, axis=-1)
        constant = ops.full_like(y_pred[:, :1], -self.j)
        return ops.logsumexp(ops.concatenate([constant, y_pred], axis=-1), axis=-1) - right

    def get_config(self):
        """Return the loss's configuration."""
        return super().get_config() | {"j": self.j}
