from .agreement import ExportRefused as ExportRefused
from .examination import Exported as Exported
from .exporting import export as export
from .inputs import (
    ArrayInput as ArrayInput,
    PictureInput as PictureInput,
    SoundInput as SoundInput,
    TextInput as TextInput,
)
from .sources import find_source as find_source
from .trained_model import (
    TrainedModel as TrainedModel,
    open_trained_model as open_trained_model,
)
