"""What a search asks of its workers, as JSON that the parent writes to their standard input."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from cnnkit.errors import SettingError
from cnnkit.experiment.built_in import built_in_experiment
from cnnkit.experiment.setting_types import restore, types_of
from cnnkit.experiment.signature import defaults_of, name_of
from cnnkit.search import architectures
from cnnkit.search.ranges import log_uniform
from cnnkit.search.space import Space, declared_in
from cnnkit.user_code import experiment_files
from cnnkit.user_code.source import source_record

READY = {"convnet": architectures.convnet_options, "vgg": architectures.vgg_options}


@dataclass(frozen=True)
class Job:
    """A search, as a worker needs to know it.

    Attributes:
        name: The search's name.
        source: Where the experiment's function is, as `source_record` returns it.
        settings: Those that no trial varies, as JSON holds them.
        setting_types: The types that JSON loses, as `types_of` returns them.
        url: Of the storage.
        heartbeat: Seconds from one sign of life of a trial to the next.
        runs_dir: Where the runs are made, an absolute path.
        sampler: Its name.
        pruner: Its name.
        objectives: Their names.
        seed: Of sampler and trainings; None for 0 and the experiment's own.
        precision: As of `cnnkit.run`.
        command: What experiment.json says was typed.
        image_shape: Of the data, where the experiment is the built-in one; else None.
    """

    name: str
    source: dict
    settings: dict
    setting_types: dict
    url: str
    heartbeat: int
    runs_dir: str
    sampler: str
    pruner: str
    objectives: tuple[str, ...]
    seed: int | None
    precision: str | None
    command: str
    image_shape: tuple[int | None, ...] | None = None

    def as_json(self) -> dict:
        """Return what `from_json` takes."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict) -> "Job":
        """Return the job that `as_json` was called on.

        Args:
            fields: What JSON read.
        """
        lists = {
            name: fields[name] and tuple(fields[name]) for name in ("objectives", "image_shape")
        }
        return cls(**fields | lists)

    def function(self) -> Callable:
        """Return the experiment's function, imported from its file."""
        if self.source["built_in"]:
            return built_in_experiment
        return experiment_files.load(
            Path(self.source["file"]), self.source["function"], package=self.source["package"]
        )

    def space(self, function: Callable) -> Space:
        """Return the space that is searched.

        Args:
            function: What `function` returned.
        """
        fixed = restore(self.settings, self.setting_types)
        if self.image_shape is None:
            return Space(function, declared_in(function), fixed)
        model = (defaults_of(function) | fixed)["model"]
        return Space(function, _ready(model, self.image_shape), fixed)


def source_and_types(function: Callable, settings: dict) -> dict:
    """Return the fields of a Job that say which function is called, and with which fixed settings.

    Args:
        function: The experiment's function.
        settings: The fixed settings.

    Raises:
        SettingError: No worker could import the function.
    """
    source = source_record(function) | {"built_in": function is built_in_experiment}
    if not source["built_in"] and not source["importable"]:
        raise SettingError(
            f"The experiment {name_of(function)!r} is of a notebook or a prompt, where no worker can "
            "import it: write it to a file, and give that."
        )
    return {"source": source, "settings": settings, "setting_types": types_of(settings)}


def _ready(model: str, image_shape: tuple) -> dict:
    """Return the space of the built-in experiment with a network of the catalogue."""
    space: dict = {"learning_rate": log_uniform(1e-4, 1e-1)}
    if model in READY:
        space["model_options"] = READY[model](image_shape)
    return space
