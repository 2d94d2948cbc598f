"""What is done with a run's trained model: predict, evaluate, export.

The rooms that do it stand above this one, so each method imports them by name when it is called.
"""

import importlib


class Uses:
    """The methods of a Run that use its trained model.

    Attributes:
        trust: As of `Run`.
    """

    trust: bool

    def predict(self, inputs, *, batch_size: int = 32, skip_bad: bool = False) -> list:
        """Return what the trained model says of files or arrays, as `cnnkit predict` does.

        Args:
            inputs: A file or folder, an array, or several of them, as `deploy.predict` takes them.
            batch_size: How many inputs are computed together.
            skip_bad: Keep files that cannot be read in the list, with their `problem`.

        Returns:
            A `deploy.Prediction` for each input, in their order.
        """
        deploy = importlib.import_module("cnnkit.deploy")
        return deploy.predict(self, inputs, batch_size=batch_size, skip_bad=skip_bad)

    def evaluate(self, dataset=None, *, split: str = "test", views: bool = False, **options):
        """Measure the trained model on labelled samples, as `cnnkit evaluate` does.

        Args:
            dataset: A name, a folder, a table or a Dataset; None is the run's own.
            split: "train", "validation" or "test".
            views: Whether to average over mirror images and shifts.
            **options: More of `deploy.evaluate`, such as `skip_bad`.

        Returns:
            An `evaluation.Evaluated`.
        """
        deploy = importlib.import_module("cnnkit.deploy")
        return deploy.evaluate(self, dataset, split=split, views=views, **options)

    def export(self, formats="onnx", **options) -> list:
        """Write the trained model for other runtimes, as `cnnkit export` does.

        Args:
            formats: One or several of "onnx", "litert", "openvino", "savedmodel" and "serving".
            **options: Options of `cnnkit.deploy.export`, such as `precision` and `output`.

        Returns:
            A `deploy.Exported` for the model itself and for each export.
        """
        deploy = importlib.import_module("cnnkit.deploy")
        return deploy.export(self, formats, **{"trust": self.trust, **options})
