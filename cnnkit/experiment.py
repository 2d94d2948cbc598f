"""Experiment, and what makes a command line of a function's signature."""

import ast
import inspect
import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from cnnkit.data.dataset import Dataset
from cnnkit.errors import SettingError

if typing.TYPE_CHECKING:
    import keras

# What these settings mean in every experiment bounds them.
RANGES = {
    "epochs": click.IntRange(min=1),
    "batch_size": click.IntRange(min=1),
    "learning_rate": click.FloatRange(min=0, min_open=True),
    "label_smoothing": click.FloatRange(0, 1),
}


def _loss(data: Dataset):
    import keras  # the command line reads this module, and its --help must not pay for Keras

    if data.multi_label:
        return keras.losses.BinaryCrossentropy(from_logits=True)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def _metrics(data: Dataset, loss) -> tuple:
    if not data.multi_label:
        return ("accuracy",)
    import keras

    logits = getattr(loss, "from_logits", False)
    # Keras takes "accuracy" of several classes to be whether the likeliest is the first that is true.
    return (
        keras.metrics.BinaryAccuracy("label_accuracy", threshold=0.0 if logits else 0.5),
        keras.metrics.AUC(
            curve="PR", multi_label=True, num_labels=data.num_classes, from_logits=logits,
            name="average_precision",
        ),
    )  # fmt: skip


def _expect_averages_seen(experiment: "Experiment") -> None:
    """Raise SettingError where an optimizer averages weights that nothing looks at, or the reverse."""
    import keras

    swaps = [c for c in experiment.callbacks if isinstance(c, keras.callbacks.SwapEMAWeights)]
    if experiment.phases and any(swap.swap_on_epoch for swap in swaps):
        raise SettingError(
            "SwapEMAWeights(swap_on_epoch=True) does not end with its phase: leave swap_on_epoch out."
        )
    for each in (experiment.optimizer, *(phase.optimizer for phase in experiment.phases)):
        each = getattr(each, "inner_optimizer", each)  # of Keras' LossScaleOptimizer
        parts = [part for part in getattr(each, "optimizers", [each]) if part.use_ema]
        if swaps and not parts:
            raise SettingError(
                f"SwapEMAWeights needs an optimizer with use_ema=True, not {each.name!r}."
            )
        if not swaps and any(not part.ema_overwrite_frequency for part in parts):
            raise SettingError(
                f"The optimizer {each.name!r} averages weights, and nothing would see the averages: "
                "give the Experiment callbacks=(keras.callbacks.SwapEMAWeights(),)."
            )


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """What `model.fit` needs: the answer of an experiment's function to its settings.

    data: the splits. model: takes `data.image_shape`, gives a number a class; or Keras' Distiller
        around one, as `training.distillation.distiller` makes it, whose student is kept.
    optimizer: one with `use_ema=True` averages the weights of all steps; with the callback
        `keras.callbacks.SwapEMAWeights()`, too, the averages are validated, kept and tested.
    loss: cross-entropy on logits unless given; for samples of several classes, of a sigmoid each.
        CategoricalCrossentropy, which has label_smoothing, is given labels as a number a class.
    metrics: as in Keras; unless given, accuracy, or, for samples of several classes, the part of
        the labels that is right and the mean average precision. callbacks: as in Keras.
    augment: a Keras layer that changes training inputs at random, or None.
    cached_views: where the model begins with frozen layers, such as a pretrained backbone, their
        features are computed once and kept; with augment, of so many changes of each training
        image, all of them in every epoch, or, with 0, anew in each epoch and not kept.
    phases: `transfer.FineTuning`, what follows these epochs in the same run; each begins with the
        best weights so far. A callback that stops training, such as EarlyStopping, ends a phase.

    Raises SettingError for numbers out of range, and where data, model and the rest do not fit.
    """

    data: Dataset
    model: "keras.Model"
    optimizer: "keras.optimizers.Optimizer"
    epochs: int
    batch_size: int = 32
    loss: "keras.losses.Loss | None" = None
    metrics: tuple | None = None
    callbacks: tuple = ()
    augment: "keras.Layer | None" = None
    cached_views: int = 0
    phases: tuple = ()

    def __post_init__(self):
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise SettingError(f"{name} is at least 1, not {getattr(self, name)}.")
        if self.cached_views < 0 or (self.cached_views and self.augment is None):
            raise SettingError(
                f"cached_views is at least 0, and 0 without augment, not {self.cached_views}."
            )
        if self.loss is None:
            object.__setattr__(self, "loss", _loss(self.data))
        if self.metrics is None:
            object.__setattr__(self, "metrics", _metrics(self.data, self.loss))
        if self.data.multi_label and "Categorical" in type(self.loss).__name__:
            raise SettingError(
                f"Samples of the data set {self.data.name!r} may have several classes, and the "
                f"loss {type(self.loss).__name__} takes one: leave it out, for a sigmoid a class."
            )
        network = self.network
        outputs, classes = network.output_shape[-1], self.data.num_classes
        if outputs != classes:
            raise SettingError(
                f"The model {network.name!r} has {outputs} outputs, and the data set "
                f"{self.data.name!r} has {classes} classes: build it with num_classes={classes}."
            )
        takes, given = tuple(network.input_shape[1:]), self.data.image_shape
        if len(takes) != len(given) or any(
            size not in (None, real) for size, real in zip(takes, given, strict=True)
        ):
            raise SettingError(
                f"The model {network.name!r} takes inputs of shape {takes}, and those of the "
                f"data set {self.data.name!r} have {given}: build it with image_shape={given}."
            )
        if getattr(self.augment, "mixes_labels", False) and "Sparse" in type(self.loss).__name__:
            raise SettingError(
                "This augmentation mixes labels, and the loss takes one class a sample: give the "
                "Experiment loss=keras.losses.CategoricalCrossentropy(from_logits=True)."
            )
        _expect_averages_seen(self)

    @property
    def network(self) -> "keras.Model":
        """The model that a run keeps: `model`, or, of a Distiller, the student."""
        return getattr(self.model, "student", self.model)

    @property
    def batch_options(self) -> dict:
        """What Batches take: size, scale, and num_classes where labels are a number a class."""
        from cnnkit.data.batches import takes_shares

        options = {"batch_size": self.batch_size, "scale": self.data.scale}
        if getattr(self.augment, "mixes_labels", False) or takes_shares(self.loss):
            options["num_classes"] = self.data.num_classes
        return options


def name_of(function: Callable) -> str:
    """Return an experiment's name: its file's, if the function is called `experiment`."""
    if function.__name__ != "experiment":
        return function.__name__
    file = Path(inspect.getsourcefile(function) or "")
    return file.stem if file.suffix == ".py" and file.stem.isidentifier() else "experiment"


def summary_of(function: Callable) -> str:
    """Return the first paragraph of a function's docstring as one line."""
    return _summary(inspect.getdoc(function))


def defaults_of(function: Callable) -> dict[str, object]:
    """Return an experiment's settings with their defaults; raises SettingError if one has none."""
    return {name: parameter.default for name, parameter in _settings(function).items()}


def options_of(
    function: Callable, completions: Mapping[str, Callable] | None = None
) -> list[click.Option]:
    """Return a click option for each setting: its type from the annotation, or from the default.

    bool becomes --flag/--no-flag, Literal a choice, `tuple[int, ...]` numbers separated by commas,
    and a dict `things` becomes `--thing KEY=VALUE`, which may be given several times. Help comes
    from the `Args:` section of the docstring. completions: click's `shell_complete` by setting.
    """
    helps = _argument_helps(inspect.getdoc(function) or "")
    hints = typing.get_type_hints(function)
    options = []
    for name, parameter in _settings(function).items():
        extra = {"help": helps.get(name), "shell_complete": (completions or {}).get(name)}
        hint = hints.get(name, type(parameter.default))
        options.append(_option(name, hint, parameter.default, extra))
    return options


def read_source(path: Path, function: str = "experiment") -> tuple[str, list[str]]:
    """Return (summary, names of settings) of a function in a file, which is read, not imported.

    Raises SettingError where the file has no such function or is not Python.
    """
    try:
        tree = ast.parse(Path(path).read_text())
    except (OSError, ValueError, SyntaxError) as error:
        raise SettingError(f"{path} cannot be read as Python: {error}") from None
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            arguments = [*node.args.args, *node.args.kwonlyargs]
            return _summary(ast.get_docstring(node)), [argument.arg for argument in arguments]
    raise SettingError(f"{path} has no function named {function!r}.")


class _Numbers(click.ParamType):
    """Values separated by commas."""

    name = "list"

    def __init__(self, item: type):
        self.item = item

    def convert(self, value, param, ctx):
        if not isinstance(value, str):
            return tuple(value)
        try:
            return tuple(self.item(part) for part in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is not a list of {self.item.__name__}s, such as 1,2,3.")


class Pair(click.ParamType):
    """KEY=VALUE, where the value is a Python literal if it reads as one, as (key, value)."""

    name = "key=value"

    def convert(self, value, param, ctx):
        """Return the pair; fails where the text has no equals sign or the key is no name."""
        if not isinstance(value, str):
            return value
        key, equals, text = value.partition("=")
        if not equals or not key.isidentifier():
            self.fail(f"{value!r} is not of the form KEY=VALUE.")
        try:
            return key, ast.literal_eval(text)
        except (ValueError, SyntaxError):
            return key, text


def _settings(function: Callable) -> dict[str, inspect.Parameter]:
    parameters = dict(inspect.signature(function).parameters)
    for name, parameter in parameters.items():
        if parameter.default is parameter.empty:
            raise SettingError(
                f"The setting {name!r} of the experiment {name_of(function)!r} has no default; "
                "give it one, so that the experiment runs as it stands."
            )
    return parameters


def _option(name: str, hint, default, extra: dict) -> click.Option:
    flag = "--" + name.replace("_", "-")
    extra = extra | {"default": default, "show_default": True}
    if typing.get_origin(hint) in (types.UnionType, typing.Union):  # int | None
        hint = next(part for part in typing.get_args(hint) if part is not types.NoneType)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is bool:
        return click.Option([f"{flag}/--no-{flag[2:]}", name], **extra)
    if (origin or hint) is dict:
        extra |= {"multiple": True, "default": tuple((default or {}).items())}
        extra |= {"show_default": bool(default), "callback": lambda ctx, param, pairs: dict(pairs)}
        return click.Option([flag.removesuffix("s"), name], type=Pair(), **extra)
    if origin is typing.Literal:
        return click.Option([flag, name], type=click.Choice(arguments), **extra)
    if (origin or hint) is tuple:
        extra["show_default"] = ",".join(map(str, default or ()))
        item = arguments[0] if arguments else int
        return click.Option([flag, name], type=_Numbers(item), **extra)
    if hint is Path:
        return click.Option([flag, name], type=click.Path(path_type=Path), **extra)
    kind = RANGES.get(name, hint if hint in (int, float) else str)
    return click.Option([flag, name], type=kind, **extra)


def _summary(docstring: str | None) -> str:
    return " ".join((docstring or "").split("\n\n")[0].split())


def _argument_helps(docstring: str) -> dict[str, str]:
    """Return {name: text} from a docstring's `Args:` section."""
    section = re.search(r"^Args:\n((?:[ \t]+.*\n?|\n)+)", docstring, re.MULTILINE)
    if not section:
        return {}
    lines = inspect.cleandoc(section[1])
    found = re.findall(r"^(\w+): (.*(?:\n[ \t]+.*)*)", lines, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in found}
