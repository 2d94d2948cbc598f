"""What a run shows in TensorBoard; curves bear the names of Keras' own callback."""

import keras

from cnnkit import plots
from cnnkit.evaluation import Evaluation, MultiLabelEvaluation
from cnnkit.runs import Run
from cnnkit.tensorboard.event_files import EventLog, graph_of

PICTURES = 25  # in the grid of inputs


class TensorBoardLog(keras.callbacks.Callback):
    """Writes curves a step and an epoch, weight histograms, the graph and the recipe.

    Tags are those of `keras.callbacks.TensorBoard`: `batch_loss`, `epoch_loss`,
    `evaluation_loss_vs_iterations` and so on, in the folders train/ and validation/. Keras'
    callback draws the graph on TensorFlow alone; this one writes the same on every backend.
    whole: the model of the graph, of which `fit` may train a part. resumed: whether the folder
    holds the beginning of the training already.
    """

    def __init__(self, run: Run, recipe: dict, whole: keras.Model, resumed: bool = False):
        super().__init__()
        self.whole, self.recipe, self.resumed = whole, recipe, resumed
        self.trial = f"{run.folder.parent.name}/{run.name}"
        folder = run.folder / "tensorboard"
        self.logs = EventLog(folder)
        self.train, self.validation = EventLog(folder / "train"), EventLog(folder / "validation")
        self.step = 0

    def on_train_begin(self, logs=None):
        """Write what is known before the first step; nothing in a later phase of training."""
        if self.resumed or self.step:
            return
        self.train.graph(graph_of(self.whole))
        self.logs.text("recipe", _as_table(self.recipe))
        self.logs.settings(
            {name: _plain(value) for name, value in self.recipe["settings"].items()}
            | {"experiment": self.recipe["experiment"], "seed": self.recipe["seed"]},
            trial=self.trial,
        )

    def get_state(self) -> dict:
        """Return how many steps there were."""
        return {"step": self.step}

    def set_state(self, state: dict) -> None:
        """Go on from what `get_state` returned."""
        self.step = state["step"]

    def on_train_batch_end(self, batch, logs=None):
        """Add a point a step: as Keras does, the mean since the epoch began."""
        for name, value in logs.items():
            self.train.scalar(f"batch_{name}", value, self.step)
        self.step += 1

    def on_epoch_end(self, epoch, logs=None):
        """Add a point an epoch to every curve, and every weight's distribution."""
        for name, value in logs.items():
            if name.startswith("val_"):
                name = name.removeprefix("val_")
                self.validation.scalar(f"epoch_{name}", value, epoch)
                self.validation.scalar(f"evaluation_{name}_vs_iterations", value, self.step)
            else:
                self.train.scalar(f"epoch_{name}", value, epoch)
        rate = float(self.model.optimizer.learning_rate)
        self.train.scalar("epoch_learning_rate", rate, epoch)
        for variable in self.model.trainable_variables:
            values = keras.ops.convert_to_numpy(variable)
            self.train.histogram(variable.path, values, epoch)

    def show_results(self, evaluation: Evaluation | MultiLabelEvaluation, images, filters) -> None:
        """Add the pictures of a finished run: test images with labels, filters, confusion matrix.

        Where samples may have several classes, no class is taken for another: there is no matrix.

        images: floats of shape (samples, height, width, channels), or None where inputs are none.
        filters: the first convolution's kernel (height, width, in, out), or None.
        """
        if images is not None:
            first = range(min(PICTURES, len(evaluation.labels)))
            figure = plots.image_grid(
                images[:PICTURES],
                captions=[
                    f"{evaluation.predicted_name(i)} (is {evaluation.true_name(i)})" for i in first
                ],
                wrong=[not evaluation.is_correct[i] for i in first],
            )
            self.logs.image("test/predicted_and_true", plots.png(figure), self.step)
        if filters is not None:
            self.logs.image("filters/first_layer", plots.png(plots.filters(filters)), self.step)
        if evaluation.confusion_matrix is not None:
            matrix = plots.confusion_matrix(evaluation.confusion_matrix, evaluation.class_names)
            self.logs.image("test/confusion_matrix", plots.png(matrix), self.step)
        for name, score in evaluation.scores.items():
            if score is not None:
                self.logs.scalar(f"test/{name}", score, self.step)

    def show_figure(self, tag: str, figure) -> None:
        """Add a matplotlib figure of a finished run."""
        self.logs.image(tag, plots.png(figure), self.step)

    def flush(self) -> None:
        """Write out what is buffered."""
        for log in (self.logs, self.train, self.validation):
            log.flush()

    def close(self, succeeded: bool) -> None:
        """Say how the run ended, and write out what is buffered."""
        self.logs.settings_end(succeeded)
        for log in (self.logs, self.train, self.validation):
            log.close()


def _as_table(recipe: dict) -> str:
    rows = {"experiment": recipe["experiment"], "description": recipe["description"]}
    rows |= recipe["settings"] | {"seed": recipe["seed"]}
    lines = [
        f"| {name} | {str(value).replace('|', chr(92) + '|')} |" for name, value in rows.items()
    ]
    return "\n".join(["| setting | value |", "| --- | --- |", *lines])


def _plain(value):
    return value if isinstance(value, (bool, int, float, str)) else str(value)
