"""The site as a reader sees it: `make docs` built it, and nothing comes from the network.

Without build/docs these tests are skipped; .ci/run runs them after `make docs`.
"""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SITE = ROOT / "build/docs"
PHONE, DESKTOP = 390, 1280  # pixels
PAGES = [
    "docs/index", "README", "docs/glossary", "docs/photos", "docs/how-to/table",
    "docs/how-to/read-the-report", "docs/explanation/measures", "docs/speed",
    "docs/reference/cnnkit", "docs/reference/command-cnnkit-run", "notebooks/02_lenet5_on_digits",
]  # fmt: skip

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(not (SITE / "docs/index.html").exists(), reason="make docs builds the site"),
]


@pytest.fixture(scope="module")
def browser(open_browser):
    with open_browser() as opened:
        yield opened


def show(browser, page, width=DESKTOP, scheme="light"):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600},
    )
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    browser.get((SITE / page).as_uri() if "?" not in page else f"{SITE.as_uri()}/{page}")


def until(browser, script):
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(browser, 20).until(lambda each: each.execute_script(script))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_fits_a_phone(browser, page):
    show(browser, f"{page}.html", width=PHONE)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= PHONE


def brightness(colour):
    return sum(int(part) for part in colour[4:-1].split(",")[:3])


def test_the_page_is_dark_where_the_reader_wants_it_so(browser):
    for scheme, is_dark in (("light", False), ("dark", True)):
        show(browser, "docs/index.html", scheme=scheme)
        style = "getComputedStyle(document.body)"
        paper, ink = (
            brightness(browser.execute_script(f"return {style}.{name}").replace("rgba", "rgb"))
            for name in ("backgroundColor", "color")
        )
        assert (paper < ink) == is_dark


def test_search_finds_words_without_a_server(browser):
    show(browser, "search.html?q=receptive+field")
    found = until(
        browser, "return [...document.querySelectorAll('#search-results li a')].map(a => a.href)"
    )
    assert any(address.startswith((SITE / "docs/glossary.html").as_uri()) for address in found)


def test_nothing_comes_from_the_network(browser):
    import json

    browser.get_log("performance")
    for page in PAGES:
        show(browser, f"{page}.html")
    asked = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    addresses = [
        message["params"]["request"]["url"]
        for message in asked
        if message["method"] == "Network.requestWillBeSent"
    ]
    assert len(addresses) > len(PAGES)
    assert [each for each in addresses if not each.startswith(("file:", "data:", "blob:"))] == []
