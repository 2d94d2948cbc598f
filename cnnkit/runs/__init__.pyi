from .listing import list_runs as list_runs, resolve as resolve
from .model_description import (
    ModelDescription as ModelDescription,
    read_description as read_description,
)
from .report_file import Report as Report
from .run import Run as Run
from .saved_model import open_saved_model as open_saved_model
from .trusting import trusting as trusting
from .verification import verify as verify
