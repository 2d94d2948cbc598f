from . import (
    automatic as automatic,
    callbacks as callbacks,
    comparison as comparison,
    data as data,
    deploy as deploy,
    errors as errors,
    evaluation as evaluation,
    experiment as experiment,
    explain as explain,
    explorer as explorer,
    keras_graph as keras_graph,
    losses as losses,
    models as models,
    optimizers as optimizers,
    plots as plots,
    report as report,
    runs as runs,
    search as search,
    tensorboard as tensorboard,
    training as training,
    transfer as transfer,
)
from .cli.run import main as main
from .comparison.frame import compare as compare
from .experiment.built_in import built_in_experiment as built_in_experiment
from .experiment.experiment import Experiment as Experiment
from .explorer.explore import explore as explore
from .keras_import import import_keras as import_keras
from .runs.run import Run as Run
from .training.fit import fit as fit
from .training.reproduction import reproduce as reproduce
from .training.run import resume as resume, run as run
