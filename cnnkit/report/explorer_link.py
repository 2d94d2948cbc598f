"""The link from a run's report to the explorer's page, once that lies beside it."""

import html
from pathlib import Path
from urllib.parse import quote

from cnnkit import atomic
from cnnkit.runs import checksums, files
from cnnkit.runs.run import Run

REPORT = "report.html"
AFTER = "</h1>"


def link_page(run: Run, page: Path) -> bool:
    """Let a run's report link to a page that lies in the run folder.

    Args:
        run: The run.
        page: The explorer's page.

    Returns:
        Whether the report links to it. It does not if the page lies elsewhere, or if there is no report
        as the run wrote it.
    """
    if page.resolve().parent != run.folder.resolve():
        return False
    try:
        if checksums.has_changed(run.folder, REPORT):
            return False
        text = files.read_bytes(run.folder, REPORT).decode()
    except (OSError, UnicodeDecodeError):
        return False
    address = html.escape(quote(page.name))
    link = f'<p><a href="{address}">Walk through this network, number by number</a></p>'
    if link in text:
        return True
    before, title, after = text.partition(AFTER)
    if not title:
        return False
    content = before + title + link + after
    atomic.write_text(run.folder / REPORT, content)
    checksums.renew(run.folder, REPORT, content.encode())
    return True
