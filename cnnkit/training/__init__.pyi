from . import folds as folds, rate_finder as rate_finder, run as run
from .steps.precision import policy as policy
