from ._measure import measure as measure
from .augmentation import test_time_augmentation as test_time_augmentation
from .calibration import (
    Reliability as Reliability,
    fit_temperature as fit_temperature,
    reliability as reliability,
    scale_by_temperature as scale_by_temperature,
)
from .curves import (
    Curve as Curve,
    precision_recall_curve as precision_recall_curve,
    roc_curve as roc_curve,
)
from .evaluated import (
    ClassMatch as ClassMatch,
    Evaluated as Evaluated,
    match_classes as match_classes,
)
from .intervals import Measure as Measure
from .label_errors import likely_mislabelled as likely_mislabelled
from .measures import ClassMeasures as ClassMeasures, Measures as Measures
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
