"""Export a trained model: write it, open it in its own runtime, and keep it only if it answers alike."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras

from cnnkit import atomic
from cnnkit.data.dataset import Dataset
from cnnkit.deploy.agreement import bound_of
from cnnkit.deploy.card import card_of
from cnnkit.deploy.conversion import convert
from cnnkit.deploy.examination import Examination, Exported
from cnnkit.deploy.exportable import exportable
from cnnkit.deploy.formats.catalogue import PRECISIONS, Format, format_named
from cnnkit.deploy.samples import calibration_inputs, check_samples, data_for, named_by
from cnnkit.deploy.script import write_script
from cnnkit.deploy.sources import find_source
from cnnkit.deploy.trained_model import TrainedModel, open_trained_model
from cnnkit.errors import SettingError
from cnnkit.runs.run import Run
from cnnkit.settings import expect_counts
from cnnkit.transfer.catalogue import BackboneInfo

RECORD = "export.json"


def export(
    source: str | os.PathLike | Run | BackboneInfo | keras.Model,
    formats: str | Sequence[str] = "onnx",
    *,
    precision: str = "float32",
    output: str | os.PathLike | None = None,
    dataset: Dataset | str | os.PathLike | None = None,
    dataset_options: Mapping | None = None,
    samples: int = 1000,
    calibration: int = 200,
    max_drop: float | None = None,
    runs_dir: str | os.PathLike = "runs",
    trust: bool = False,
    weights: str = "imagenet",
) -> list[Exported]:
    """Export a trained model for other runtimes, and check each export in its own.

    Each export is a folder OUTPUT/FORMAT (OUTPUT/FORMAT-PRECISION if its weights are not float32)
    with the model's file, export.json, which has these figures, and predict.py, which shows its use.
    The model takes raw inputs, named "inputs", float32, and returns "probabilities". Class names and
    preprocessing are in the model's file. What a run trained in bfloat16 is exported in float32.

    Args:
        source: What `open_trained_model` takes: a run, a .keras file, a pretrained network, a model.
        formats: One or several of "onnx", "litert", "openvino", "savedmodel" and "serving", the
            folder that TensorFlow Serving takes.
        precision: Of the weights: "float32", "float16", or "int8", which is calibrated on training
            inputs.
        output: The folder; None for exports/NAME.
        dataset: A Dataset, or the name or folder of one, to check the exports on; None for the
            run's. Without either, exports are compared on noise, and no accuracy is known.
        dataset_options: Options of the data set's loader.
        samples: How many test samples to check on, at most. They choose nothing: an export is kept
            or refused.
        calibration: How many training samples to calibrate int8 by, at most.
        max_drop: By how much the accuracy, from 0 to 1, may fall; None for 0.001 at float32, 0.005
            at float16 and 0.02 at int8.
        runs_dir: The folder that holds the runs.
        trust: Whether to open a file that brings code, or that has changed since its run wrote it.
        weights: Of a pretrained network, as `transfer.imagenet_classifier` takes them.

    Returns:
        The model itself in Keras, in float32, and then each export.

    Raises:
        UnknownNameError: There is no such format or source.
        SettingError: A package is missing, a setting is not allowed, a format cannot hold the model,
            or there are no data for int8. `RefusedExportError`, if an export answers otherwise than the
            model; nothing is kept of it.
    """
    plans = [format_named(name) for name in ([formats] if isinstance(formats, str) else formats)]
    _check(plans, precision, samples, calibration)
    if not isinstance(source, Run | BackboneInfo | keras.Model):
        source = find_source(source, runs_dir)
    if isinstance(source, Run):
        trust = trust or source.trust
        source = Run(source.folder, trust=trust)  # its data, too
    trained = open_trained_model(source, runs_dir=runs_dir, trust=trust, weights=weights)
    _expect_pictures(plans, trained)
    data = data_for(source, trained, dataset, dataset_options or {})
    trained = named_by(data, trained)
    model, check = exportable(trained), check_samples(data, trained, samples)
    inputs = calibration_inputs(data, calibration) if precision == "int8" else None
    examination = Examination(trained, check, bound_of(precision, max_drop))
    rows = [examination.of_model(model)]
    output = Path(output) if output is not None else Path("exports", trained.name)
    for plan in plans:
        folder = output / (plan.name if precision == "float32" else f"{plan.name}-{precision}")
        _expect_own(folder)
        with atomic.replacing_folder(folder) as part:
            card = card_of(trained, precision)
            convert(
                model, source, format=plan.name, folder=part, card=card, samples=inputs,
                runs_dir=runs_dir, trust=trust, weights=weights,
            )  # fmt: skip
            rows.append(examination.of_export(plan, precision, part, folder))
            write_script(part, plan.module().SCRIPT, trained.inputs)
            checked = dataclasses.asdict(rows[-1])
            del checked["folder"]  # the export may go elsewhere
            atomic.write_json(part / RECORD, {**card, "checked": checked})
    return rows


def _check(plans: Sequence[Format], precision: str, samples: int, calibration: int) -> None:
    if not plans:
        raise SettingError("Name at least one format to export to.")
    if precision not in PRECISIONS:
        raise SettingError(f"precision is one of {', '.join(PRECISIONS)}, not {precision!r}.")
    expect_counts(samples=samples, calibration=calibration)
    for plan in plans:
        plan.check(precision)


def _expect_pictures(plans: Sequence[Format], trained: TrainedModel) -> None:
    if any(plan.name == "serving" for plan in plans) and trained.inputs.kind != "picture":
        raise SettingError(
            f"TensorFlow Serving's folder takes picture files, and {trained.name} takes "
            f"{trained.inputs.kind}s: export it as savedmodel without --serving."
        )


def _expect_own(folder: Path) -> None:
    """Refuse to replace what is no export."""
    if folder.exists() and not (folder / RECORD).is_file():
        raise SettingError(
            f"{folder} is there and is no export, so it is not replaced: choose another --output."
        )
