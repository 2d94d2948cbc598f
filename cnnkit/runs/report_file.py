"""Report: the report of a run, which a notebook shows in place."""

import html
from pathlib import Path

from cnnkit.runs import files


class Report:
    """A report on disk, which a notebook shows in a frame.

    Args:
        path: The HTML file.

    Attributes:
        path: The HTML file.
    """

    def __init__(self, path: Path):
        self.path = path

    def __repr__(self):
        return f"Report({str(self.path)!r})"

    def _repr_html_(self) -> str:
        content = files.read_bytes(self.path.parent, self.path.name)
        page = html.escape(content.decode(), quote=True)
        return f'<iframe srcdoc="{page}" width="100%" height="800" title="report"></iframe>'
