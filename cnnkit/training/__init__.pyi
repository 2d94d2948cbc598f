from .checkpointing.signals import Interrupted as Interrupted
from .deployment import deployable_model as deployable_model
from .fit import fit as fit
from .folds import fold_numbers as fold_numbers, out_of_fold as out_of_fold
from .rate_finder import RateTrial as RateTrial, find_learning_rate as find_learning_rate
from .reproduction import Reproduction as Reproduction, reproduce as reproduce
from .run import resume as resume, run as run
from .steps.precision import has_bfloat16 as has_bfloat16, precision_policy as precision_policy
from .whole_training import evaluate_finished as evaluate_finished
