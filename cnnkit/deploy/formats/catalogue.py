"""Which formats there are, what each can be made of, and what it needs; without importing any."""

import importlib
import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import numpy as np

from cnnkit.errors import SettingError, UnknownNameError
from cnnkit.keras_import import standard_error_dropped

PRECISIONS = ("float32", "float16", "int8")

# From a batch of inputs, float32, to probabilities, shape (batch, classes).
Classifier = Callable[[np.ndarray], np.ndarray]


class FormatModule(Protocol):
    """What the file of a format has.

    Attributes:
        SCRIPT: The lines of the script that shows the use of an export; they set `probabilities`
            and `card`, from `inputs`.
    """

    SCRIPT: str

    def write(self, model, folder: Path, card: dict, precision: str, samples) -> None:
        """Write a model to an empty folder, in a process whose Keras computes with TensorFlow.

        Args:
            model: A `keras.Model` from {"inputs"} to {"probabilities"}, in float32.
            folder: Where to write.
            card: What the export says of itself, see `cnnkit.deploy.card`.
            precision: One of those that the format has.
            samples: Training inputs for int8, float32, shape (samples, ...), else None.
        """

    def load(self, folder: Path) -> Classifier:
        """Open what `write` wrote in the format's own runtime.

        Args:
            folder: The folder.
        """

    def read_card(self, folder: Path) -> dict:
        """Return the card that `write` stored in the model's file.

        Args:
            folder: The folder.
        """


@dataclass(frozen=True)
class Format:
    """A format that models are exported to.

    Attributes:
        name: As users name it.
        title: What its project calls it.
        precisions: Of the weights that it can hold.
        extra: The extra of cnnkit that installs what it needs; "" if nothing is missing.
        packages: The modules that come with the extra.
    """

    name: str
    title: str
    precisions: tuple[str, ...] = PRECISIONS
    extra: str = ""
    packages: tuple[str, ...] = ()

    def module(self) -> FormatModule:
        """Return the file that writes and opens this format, a `FormatModule`."""
        # OpenVINO and NNCF report their use to a server by this module, if it can be imported.
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
        with standard_error_dropped():  # TensorFlow says which processor it found
            module = importlib.import_module(f"cnnkit.deploy.formats.{self.name}")
        return cast(FormatModule, module)

    def check(self, precision: str) -> None:
        """Check that a model can be exported here.

        Args:
            precision: Of the weights.

        Raises:
            SettingError: The format has no such precision, or a package is not installed.
        """
        if precision not in self.precisions:
            others = [name for name, each in FORMATS.items() if precision in each.precisions]
            raise SettingError(
                f"{self.title} is exported in {' or '.join(self.precisions)}, not {precision!r}; "
                f"{precision} is for {', '.join(others) or 'no format'}."
            )
        missing = [name for name in self.packages if importlib.util.find_spec(name) is None]
        if missing:
            raise SettingError(
                f"An export to {self.title} needs {', '.join(missing)}: "
                f"pip install 'cnnkit[{self.extra}]' brings what is missing."
            )


FORMATS = {
    each.name: each
    for each in (
        Format("savedmodel", "TensorFlow's SavedModel", ("float32",)),
        Format("serving", "TensorFlow Serving's folder", ("float32",)),
        Format("onnx", "ONNX", extra="onnx", packages=("onnx", "onnxruntime", "tf2onnx")),
        Format("litert", "LiteRT", extra="litert", packages=("ai_edge_litert",)),
        Format("openvino", "OpenVINO", extra="openvino", packages=("openvino", "nncf")),
    )
}


def format_named(name: str) -> Format:
    """Return a format.

    Args:
        name: One of `FORMATS`.

    Returns:
        The format.

    Raises:
        UnknownNameError: There is no such format.
    """
    if name not in FORMATS:
        raise UnknownNameError("export format", name, FORMATS)
    return FORMATS[name]
