from .listing import list_runs as list_runs, resolve as resolve
from .run import Report as Report, Run as Run
from .verification import verify as verify
