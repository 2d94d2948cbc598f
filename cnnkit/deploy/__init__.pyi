from . import prediction_records as prediction_records
from .evaluating import evaluate as evaluate
from .examination import Exported as Exported
from .exporting import export as export
from .inputs import (
    ArrayInput as ArrayInput,
    PictureInput as PictureInput,
    SoundInput as SoundInput,
    TextInput as TextInput,
)
from .prediction import (
    Prediction as Prediction,
    predict as predict,
    predictions as predictions,
)
from .sorting import copy_by_label as copy_by_label
from .sources import find_source as find_source
from .trained_model import (
    TrainedModel as TrainedModel,
    open_trained_model as open_trained_model,
)
