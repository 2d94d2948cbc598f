"""The options of who shares a run's training, and --or-resume, which suits jobs that are restarted."""

from collections.abc import Callable
from pathlib import Path

import click

from cnnkit.errors import SettingError
from cnnkit.experiment.rebuild import experiment_name
from cnnkit.keras_import import import_keras


def sharing_options() -> list[click.Option]:
    """Return the options of who shares the training, which `run` and `resume` share."""
    return [
        click.Option(
            ["--devices"], metavar="all|0,1", default=None,
            help="Devices that share each batch.  [default: one]",
        ),
        click.Option(
            ["--processes"], metavar="auto|ADDRESS:PORT,NUMBER,ID", default=None,
            help="Train together with other processes, on JAX; auto under SLURM, Kubernetes or Open MPI.",
        ),
    ]  # fmt: skip


def or_resume_option() -> click.Option:
    """Return the option that makes one command of the first start and each restart."""
    return click.Option(
        ["--or-resume"], is_flag=True,
        help="Resume the run that --name names if it is there already, and else begin it.",
    )  # fmt: skip


def run_of_that_name(experiment: Callable, options: dict) -> Path | None:
    """Return the folder of the run that --or-resume goes on with; None if there is none yet.

    Several processes join first, and do as the first one sees.

    Args:
        experiment: The experiment's function.
        options: Those of `cnnkit run`.

    Raises:
        SettingError: The run has no name.
    """
    if options["name"] is None:
        raise SettingError("--or-resume goes on with a run by its name: give --name, too.")
    import_keras()  # quietly, before what follows imports it
    from cnnkit.training.distribution import processes as together  # --help must not wait for Keras

    folder = Path(options["runs_dir"]) / experiment_name(experiment, options) / options["name"]
    process = together.join(options["processes"])
    seen = "yes" if (folder / "experiment.json").exists() else ""
    return folder if together.first_says(process, seen) else None
