from .augmentation import test_time_augmentation as test_time_augmentation
from .calibration import (
    Reliability as Reliability,
    fit_temperature as fit_temperature,
    reliability as reliability,
    scale_by_temperature as scale_by_temperature,
)
from .label_errors import likely_mislabelled as likely_mislabelled
from .multi_label import MultiLabelEvaluation as MultiLabelEvaluation
from .significance import (
    Difference as Difference,
    Interval as Interval,
    holm as holm,
    mcnemar as mcnemar,
    paired_bootstrap as paired_bootstrap,
    t_interval as t_interval,
)
from .single_label import Evaluation as Evaluation, wilson_interval as wilson_interval
from .tasks import MultiLabel as MultiLabel, SingleLabel as SingleLabel
