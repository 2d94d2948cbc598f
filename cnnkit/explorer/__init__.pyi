from .document import (
    Document as Document,
    Preparation as Preparation,
    Sample as Sample,
    document as document,
)
from .page import write_page as write_page
from .patches import exciting_patches as exciting_patches
