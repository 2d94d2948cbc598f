"""The explorer as one HTML file: it computes the network in the browser, without a server."""

import base64
import html
import re
from importlib import resources
from pathlib import Path

from cnnkit.atomic import write_text
from cnnkit.errors import SettingError
from cnnkit.explorer.document import Document

LARGEST_WEIGHTS = 5_000_000  # bytes, compressed: what a page can hold and a browser opens at once

# Nothing is fetched: the page has everything in it. A worker is started from its own text, and its
# pictures are data: and blob: addresses.
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' blob:; worker-src blob:; "
    "style-src 'unsafe-inline'; img-src data: blob:; media-src blob:"
)
# Served, the page may ask the server that sent it, and no other.
SERVED_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; media-src blob:; connect-src 'self'"
)


def write_page(path: str | Path, document: Document, against: Document | None = None) -> int:
    """Write a network's page into one file, which opens from a disk or any web server.

    Args:
        path: The file; one that exists is replaced.
        document: The network, as `document` describes it.
        against: Another network, which answers the same pictures beside it.

    Returns:
        The file's size in bytes.

    Raises:
        SettingError: The page cannot compute a layer of a network, or the weights are too large.
    """
    for each in filter(None, (document, against)):
        _check_computable(each)
        size = len(each.packed_weights())
        if size > LARGEST_WEIGHTS:
            raise SettingError(_too_large(each, size))
    content = page(document, against)
    write_text(Path(path), content)
    return len(content.encode())


def page(document: Document, against: Document | None = None) -> str:
    """Return the page's HTML.

    Args:
        document: The network.
        against: Another network for the same pictures.

    Returns:
        HTML with style, script, networks and weights in it.
    """
    network, weights = _texts(document)
    other, other_weights = _texts(against) if against else ("", "")
    return _filled(
        POLICY, document.network["name"], network=network, weights=weights,
        against=other, against_weights=other_weights, worker=asset("worker.js"),
    )  # fmt: skip


def _texts(document: Document) -> tuple[str, str]:
    """Return network and weights as they stand in the page."""
    # "<" is the only character by which text inside a script element could end it.
    network = document.json().replace("<", "\\u003c")
    return network, base64.b64encode(document.packed_weights()).decode("ascii")


def page_of_server(name: str, has_other: bool = False) -> str:
    """Return the HTML of a page without a network, which asks the server that sends it.

    Args:
        name: The network's name.
        has_other: Whether the server has another network to put beside it.

    Returns:
        HTML with style and script in it.
    """
    other = "true" if has_other else ""
    return _filled(
        SERVED_POLICY, name, network="", weights="", against=other, against_weights="", worker=""
    )


def _filled(policy: str, name: str, **contents: str) -> str:
    parts = {
        "policy": policy,
        "title": html.escape(f"{name}: number by number"),
        "style": asset("explorer.css"),
        "script": asset("explorer.js"),
    } | contents
    # In one pass: a class may be called "{{script}}".
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], asset("page.html"))


def asset(name: str) -> str:
    """Return a built file of the page.

    Args:
        name: Its name, such as "worker.js".

    Returns:
        Its text.
    """
    return (resources.files("cnnkit.explorer") / "assets" / name).read_text("utf-8")


def _check_computable(document: Document) -> None:
    kinds = document.network["uncomputable"]
    if kinds:
        raise SettingError(
            f"A page without a server cannot compute {', '.join(kinds)}, which "
            f"{document.network['name']!r} has; explore it from Python, which can."
        )


def _too_large(document: Document, size: int) -> str:
    is_float32 = any(
        weight["dtype"] == "float32" and len(weight["shape"]) > 1
        for layer in document.network["layers"]
        for weight in layer["weights"]
    )
    hint = (
        "write it as float16, or leave --output out"
        if is_float32 and size < 2 * LARGEST_WEIGHTS
        else "leave --output out"
    )
    return (
        f"The weights of {document.network['name']!r} take {size / 1e6:.1f} MB, and a page in one file "
        f"holds {LARGEST_WEIGHTS / 1e6:.0f} MB; {hint}: the served page has no such limit."
    )
