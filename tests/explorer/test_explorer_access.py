"""Everything works by keyboard, on a phone, in dark mode and for a screen reader."""

from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.once

AXE = Path(__file__).parents[2] / "explorer/web/node_modules/axe-core/axe.min.js"
LAYERS = ("scale", "C1", "S2", "norm", "flatten", "F4", "probabilities")


@pytest.mark.parametrize(("width", "scheme"), [(1300, "light"), (390, "dark")])
def test_axe_finds_no_serious_fault(page, width, scheme):
    if not AXE.exists():
        pytest.skip("axe-core is not installed; `make explorer` does that")
    page.open(width, scheme)
    page.run(AXE.read_text())
    for layer in LAYERS:
        page.look_at(layer)
        found = page.browser.execute_async_script(
            "const done = arguments[0];"
            "axe.run(document, { resultTypes: ['violations'] }).then(r => done(r.violations))"
        )
        serious = {
            fault["id"]: [node["html"][:120] for node in fault["nodes"]]
            for fault in found
            if fault["impact"] in ("serious", "critical")
        }
        assert serious == {}, layer


@pytest.mark.parametrize("width", [320, 390, 800, 1400])
def test_the_page_itself_never_scrolls_sideways(page, width):
    page.open(width)
    for layer in LAYERS:
        page.look_at(layer)
        assert page.run("return document.documentElement.scrollWidth") <= width, layer


def test_tab_reaches_everything_that_can_be_used(page):
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.keys import Keys

    page.open()
    page.until("return document.querySelectorAll('.closer .grid').length === 3")
    count = page.run(
        "window.usable = [...document.querySelectorAll("
        "'a[href], button:not(:disabled), input, select, summary, [tabindex=\"0\"]')]"
        ".filter(each => each.checkVisibility()); window.reached = new Set();"
        "document.addEventListener('focusin', event => window.reached.add(event.target));"
        "return window.usable.length"
    )
    page.run("document.activeElement.blur(); window.scrollTo(0, 0)")
    for _ in range(count // 10 + 2):
        ActionChains(page.browser).send_keys(*[Keys.TAB] * 10).perform()
    missed = page.run(
        "return window.usable.filter(each => !window.reached.has(each)).map(each => each.outerHTML.slice(0, 90))"
    )
    assert missed == []
    assert count > 60


def test_arrow_keys_choose_map_and_cell_and_draw(page):
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.keys import Keys

    page.open()
    page.run("document.querySelector(\"[data-layer='C3'] canvas\").focus()")
    press = ActionChains(page.browser)
    press.send_keys(Keys.HOME, Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ENTER).perform()
    page.until(
        "return document.querySelector(\"[data-layer='C3'] canvas\").getAttribute('aria-valuetext')"
        ".startsWith('3 of 5, values from')"
    )
    assert page.run("return document.activeElement.id") == "closer"
    before = page.position()
    page.run("[...document.querySelectorAll('.closer .map-view canvas')].at(-1).focus()")
    move = Keys.ARROW_UP if before[1] else Keys.ARROW_DOWN
    ActionChains(page.browser).send_keys(move).perform()
    row = before[1] + (0 if before[1] else 2)  # counted from 1
    page.until(
        f"return document.querySelector('.closer').textContent.includes('row {row}, column')"
    )
    old = page.probabilities()
    page.run("document.querySelector('.drawing').focus()")
    ActionChains(page.browser).send_keys(Keys.DELETE, Keys.SPACE).perform()
    page.until(
        "const value = Number(document.querySelector('.bars li').dataset.value);"
        "return Math.abs(value - arguments[0]) > 1e-6",
        float(old[0]),
    )
    assert np.isclose(page.probabilities().sum(), 1, atol=1e-4)
