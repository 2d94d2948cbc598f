"""The canvas of a notebook: what is drawn on it in a browser is what its button saves."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from cnnkit import plots
from cnnkit.errors import SettingError

pytestmark = pytest.mark.once


def test_a_stroke_is_saved_where_it_was_drawn(open_browser, tmp_path):
    page = tmp_path / "canvas.html"
    page.write_text(plots.canvas(200, "mine.png")._repr_html_())
    with open_browser() as browser:
        browser.get(page.as_uri())
        stroke = """
            const canvas = document.querySelector("canvas"), box = canvas.getBoundingClientRect();
            canvas.setPointerCapture = () => {};  // there is no real pointer
            for (const [kind, x, y] of [["down", 40, 50], ["move", 160, 50], ["up", 160, 50]])
              canvas.dispatchEvent(new PointerEvent("pointer" + kind,
                { clientX: box.left + x, clientY: box.top + y }));
            const link = document.querySelector("a");
            link.addEventListener("click", (event) => event.preventDefault());
            link.querySelector("button").click();
            return [link.download, link.href];
        """
        name, address = browser.execute_script(stroke)
        browser.execute_script('document.querySelector("button").click()')
        cleared = browser.execute_script('return document.querySelector("canvas").toDataURL()')
        requests = [
            entry for entry in browser.get_log("performance") if "http://" in entry["message"]
        ]
    assert name == "mine.png"
    assert not requests
    pixels, empty = (
        np.asarray(Image.open(io.BytesIO(base64.b64decode(each.split(",")[1]))).convert("L"))
        for each in (address, cleared)
    )
    assert pixels.shape == (200, 200)
    rows, columns = np.nonzero(pixels < 128)
    assert abs(rows.mean() - 50) < 2
    assert columns.min() < 40 < 160 < columns.max()
    assert (empty == 255).all()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"side": 20}, "100 to 1000 pixels, not 20"),
        ({"name": "mine.jpg"}, "ends in .png, not 'mine.jpg'"),
        ({"name": "<b>.png"}, "ends in .png, not '<b>.png'"),
    ],
)
def test_a_mistake_is_one_sentence(options, sentence):
    with pytest.raises(SettingError, match=sentence):
        plots.canvas(**options)
