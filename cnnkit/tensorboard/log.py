"""The callback that writes a run's TensorBoard logs, under the tags of Keras' own callback."""

from collections.abc import Sequence

import keras

from cnnkit import plots
from cnnkit.evaluation import Evaluation, MultiLabelEvaluation
from cnnkit.keras_graph.learning_rates import UsedLearningRate
from cnnkit.runs import Run
from cnnkit.runs.scalars import scalars
from cnnkit.tensorboard.event_files import EventWriter, graph_of

GRID_IMAGES = 25  # test images in the grid


class TensorBoardCallback(keras.callbacks.Callback):
    """Writes curves by step and by epoch, weight histograms, the graph and the recipe.

    The tags are those of `keras.callbacks.TensorBoard` (`batch_loss`, `epoch_loss`,
    `evaluation_loss_vs_iterations`, ...), in the folders train/ and validation/; histograms follow
    them as `weights/LAYER/WEIGHT`. Keras' callback
    draws the graph with TensorFlow only; this one writes the same files with every backend.

    Args:
        run: The run; its tensorboard/ folder is written to.
        recipe: The content of the run's experiment.json.
        network: The model whose graph is drawn, or None for no graph. `fit` may train a part of it.
        resumed: Whether the folder already has the beginning of the training.
        class_names: Names for the parts of a metric that has a number a class.

    Attributes:
        learning_rate: Notes the learning rate of each epoch; give it to `fit` before this callback.
    """

    def __init__(
        self,
        run: Run,
        recipe: dict,
        network: keras.Model | None,
        resumed: bool = False,
        class_names: Sequence[str] = (),
    ):
        super().__init__()
        self.learning_rate, self.class_names = UsedLearningRate(), tuple(class_names)
        self.network, self.recipe, self.resumed = network, recipe, resumed
        self.trial = f"{run.folder.parent.name}/{run.name}"
        folder = run.folder / "tensorboard"
        self.logs = EventWriter(folder)
        self.train, self.validation = (
            EventWriter(folder / "train"),
            EventWriter(folder / "validation"),
        )
        self.step = 0

    def on_train_begin(self, logs=None):
        """Write graph and recipe, unless a run is resumed or a later phase begins."""
        if self.resumed or self.step:
            return
        if self.network is not None:
            self.train.graph(graph_of(self.network))
        self.logs.text("recipe", _as_table(self.recipe))
        self.logs.settings(hparams_of(self.recipe), trial=self.trial)

    def get_state(self) -> dict:
        """Return the number of steps so far."""
        return {"step": self.step}

    def set_state(self, state: dict) -> None:
        """Restore the number of steps.

        Args:
            state: What `get_state` returned.
        """
        self.step = state["step"]

    def on_train_batch_end(self, batch, logs=None):
        """Add a point to each curve by step: as in Keras, the mean since the epoch began."""
        for name, value in scalars(logs, self.class_names).items():
            self.train.scalar(f"batch_{name}", value, self.step)
        self.step += 1

    def on_epoch_end(self, epoch, logs=None):
        """Add a point to each curve by epoch, and the histogram of each weight."""
        rate = {"learning_rate": self.learning_rate.value}
        for name, value in (scalars(logs, self.class_names) | rate).items():
            if name.startswith("val_"):
                name = name.removeprefix("val_")
                self.validation.scalar(f"epoch_{name}", value, epoch)
                self.validation.scalar(f"evaluation_{name}_vs_iterations", value, self.step)
            else:
                self.train.scalar(f"epoch_{name}", value, epoch)
        for variable in self.model.trainable_variables:
            values = keras.ops.convert_to_numpy(variable)
            # TensorBoard sorts tags by name and opens on the first: curves, not a layer's biases.
            self.train.histogram(f"weights/{variable.path}", values, epoch)

    def show_results(self, evaluation: Evaluation | MultiLabelEvaluation, images, filters) -> None:
        """Add the figures of a finished run: test images, filters, confusion matrix, scores.

        Args:
            evaluation: Evaluation of the test split.
            images: The test inputs, shape (samples, height, width, channels); None where inputs are
                not images.
            filters: Kernel of the first convolution, shape (height, width, in, out), or None.
        """
        if images is not None:
            first = range(min(GRID_IMAGES, len(evaluation.labels)))
            figure = plots.image_grid(
                images[:GRID_IMAGES],
                captions=[
                    f"{evaluation.predicted_name(i)} (is {evaluation.true_name(i)})" for i in first
                ],
                wrong=[not evaluation.is_correct[i] for i in first],
            )
            self.logs.image("test/predicted_and_true", plots.png(figure), self.step)
        if filters is not None:
            self.logs.image("filters/first_layer", plots.png(plots.kernels(filters)), self.step)
        if evaluation.confusion_matrix is not None:
            matrix = plots.confusion_matrix(evaluation.confusion_matrix, evaluation.class_names)
            self.logs.image("test/confusion_matrix", plots.png(matrix), self.step)
        for name, score in evaluation.scores.items():
            if score is not None:
                self.logs.scalar(f"test/{name}", score, self.step)

    def show_figure(self, tag: str, figure) -> None:
        """Add a figure of a finished run.

        Args:
            tag: Name of the image.
            figure: A matplotlib figure.
        """
        self.logs.image(tag, plots.png(figure), self.step)

    def flush(self) -> None:
        """Write buffered events to the files."""
        for log in (self.logs, self.train, self.validation):
            log.flush()

    def close(self, succeeded: bool) -> None:
        """Write how the run ended, and close the files.

        Args:
            succeeded: Whether the run finished.
        """
        self.logs.settings_end(succeeded)
        for log in (self.logs, self.train, self.validation):
            log.close()


def hparams_of(recipe: dict) -> dict[str, bool | float | str]:
    """Return a run's row of the HParams table.

    Args:
        recipe: The content of the run's experiment.json.

    Returns:
        Its settings, experiment and seed, as TensorBoard takes values.
    """
    return {name: _as_hparam(value) for name, value in recipe["settings"].items()} | {
        "experiment": recipe["experiment"],
        "seed": recipe["seed"],
    }


def _as_table(recipe: dict) -> str:
    rows = {"experiment": recipe["experiment"], "description": recipe["description"]}
    rows |= recipe["settings"] | {"seed": recipe["seed"]}
    lines = [
        f"| {name} | {str(value).replace('|', chr(92) + '|')} |" for name, value in rows.items()
    ]
    return "\n".join(["| setting | value |", "| --- | --- |", *lines])


def _as_hparam(value) -> bool | int | float | str:
    return value if isinstance(value, (bool, int, float, str)) else str(value)
