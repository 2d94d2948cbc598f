from . import x_and_o as x_and_o
from .document import (
    Document as Document,
    Preparation as Preparation,
    Sample as Sample,
    document as document,
)
from .explore import expect_alike as expect_alike, explore as explore, serve as serve
from .keras_engine import KerasEngine as KerasEngine
from .opened_run import OpenedRun as OpenedRun, open_run as open_run
from .page import write_page as write_page
from .patches import exciting_patches as exciting_patches
from .server import Explorer as Explorer
