"""The page as one file: what is in it, and which networks it refuses."""

import base64
import json
import zlib
from html.parser import HTMLParser

import keras
import pytest
from keras import layers

from cnnkit import explorer
from cnnkit.errors import SettingError

pytestmark = pytest.mark.once

NAMES = ("</script><script>alert(1)</script>", "<!-- b & c", "{{worker}}")


class Scripts(HTMLParser):
    """Reads a page as a browser does: what each script element has, and what else is loaded."""

    def __init__(self, text):
        super().__init__()
        self.scripts, self.loaded, self._open = {}, [], None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.loaded += [found[key] for key in ("src", "href") if key in found]
        if tag == "script":
            self._open = found.get("id", f"script {len(self.scripts)}")
            self.scripts[self._open] = ""

    def handle_endtag(self, tag):
        self._open = None

    def handle_data(self, data):
        if self._open:
            self.scripts[self._open] += data


def _network(*steps):
    keras.utils.set_random_seed(9)
    model = keras.Sequential([keras.Input((8, 8, 1)), *steps, layers.Flatten(), layers.Dense(3)])
    return model


def _described(model, **options):
    return explorer.document(model, NAMES, explorer.Preparation(8, 8, 1), **options)


def test_file_has_the_network_and_asks_for_nothing(tmp_path):
    document = _described(_network(layers.Conv2D(2, 3)))
    size = explorer.write_page(tmp_path / "page.html", document)
    text = (tmp_path / "page.html").read_text("utf-8")
    assert size == (tmp_path / "page.html").stat().st_size
    found = Scripts(text)
    assert found.loaded == []
    assert json.loads(found.scripts["network"]) == document.network
    packed = base64.b64decode(found.scripts["weights"])
    assert zlib.decompress(packed) == document.weights
    assert len(found.scripts) == 6  # as many as the template has: no name of a class made another
    assert found.scripts["worker"].startswith('"use strict"')


def test_weights_that_are_too_large_are_refused_with_what_helps(tmp_path):
    wide = _network(layers.Flatten(), layers.Dense(1300), layers.Dense(1100))
    page = tmp_path / "page.html"
    with pytest.raises(SettingError, match=r"take 5\.\d MB.*holds 5 MB; write it as float16, or"):
        explorer.write_page(page, _described(wide))
    assert not page.exists()
    assert explorer.write_page(page, _described(wide, precision="float16")) < 5_000_000


def test_network_that_the_page_cannot_compute_is_refused_by_name(tmp_path):
    network = _network(layers.Conv2D(4, 3), layers.GroupNormalization(2))
    with pytest.raises(SettingError, match="cannot compute GroupNormalization"):
        explorer.write_page(tmp_path / "page.html", _described(network))
