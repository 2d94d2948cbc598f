"""The page to drop pictures on, and that of the OpenAPI document, in a browser without network."""

import json
import re

import numpy as np
import pytest
from linear_server import NAMES, pictures, probabilities

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def browser(open_browser):
    with open_browser() as opened:
        yield opened


def until(browser, script, seconds=30):
    """Wait until a script of JavaScript returns something true, and return it."""
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(browser, seconds, poll_frequency=0.05).until(
        lambda opened: opened.execute_script(f"return {script}")
    )


def show(browser, address, width=1200, scheme="light"):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600},
    )
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    browser.get_log("performance")
    browser.get_log("browser")
    browser.get(address)


def asked(browser):
    """The addresses that the page has asked for, those of its own data left out."""
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    addresses = {
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    }
    return {each for each in addresses if not each.startswith(("data:", "blob:"))}


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1200, "light")])
def test_pictures_get_their_classes_and_other_files_a_sentence(
    browser, server, tmp_path, width, scheme
):
    show(browser, server.address, width, scheme)
    until(browser, "document.title === 'sequential'")
    assert browser.get_log("browser") == []
    several = pictures(8)
    for number, (_, content) in enumerate(several):
        (tmp_path / f"{number}.png").write_bytes(content)
    (tmp_path / "<i>notes.txt").write_text("no picture")
    chosen = "\n".join(map(str, sorted(tmp_path.iterdir())))
    browser.find_element("css selector", "#files").send_keys(chosen)
    until(browser, "document.querySelectorAll('.classes').length === 8")
    until(browser, "document.querySelectorAll('.error').length === 1")
    texts = browser.execute_script(
        "return [...document.querySelectorAll('#answers > li')].map(each => each.innerText)"
    )
    lines = {name: rest for name, *rest in (re.split("\n+", text) for text in texts)}
    for number, (pixels, _) in enumerate(several):
        shares = probabilities(pixels)
        words = [
            word for line in lines[f"{number}.png"] for word in line.split(" %")[0].split("\t")
        ]
        best = np.argsort(-shares)[0]
        assert words[0] == NAMES[best]
        assert float(words[1]) == pytest.approx(100 * shares[best], abs=0.06)
    assert lines["<i>notes.txt"] == ["The file is no image of a kind read here, but text."]
    pictures_shown = browser.execute_script(
        "return [...document.images].map(image => image.complete && image.naturalWidth)"
    )
    assert pictures_shown == [8] * 8
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    background = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    red = int(background.removeprefix("rgb(").split(",")[0])
    assert (red < 64) == (scheme == "dark")
    assert all(address.startswith(server.address) for address in asked(browser))


def test_a_picture_is_dropped(browser, server):
    show(browser, server.address)
    until(browser, "document.title === 'sequential'")
    browser.execute_script(
        "const data = new DataTransfer();"
        "data.items.add(new File([new Uint8Array(arguments[0])], 'dropped.png'));"
        "document.querySelector('.drop').dispatchEvent("
        "new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true}))",
        list(pictures(1)[0][1]),
    )
    until(browser, "document.querySelectorAll('.classes li').length === 4")
    assert "dropped.png" in browser.find_element("css selector", "#answers").text


def test_a_server_that_is_busy_is_asked_again(browser, serve):
    with serve(max_queue=1, max_files=1) as server:
        show(browser, server.address)
        until(browser, "document.title === 'sequential'")
        holds = server.client()
        content = pictures(1)[0][1]
        holds.begin(len(content), content[:5])
        while server.client().predict(content).status == 200:
            pass
        browser.execute_script(
            "window.asked = 0;"
            "const fetched = window.fetch;"
            "window.fetch = (...options) => { window.asked += 1; return fetched(...options); };"
            "add([new File([new Uint8Array(arguments[0])], 'late.png')])",
            list(content),
        )
        until(browser, "window.asked === 2")  # refused once, and asked again a second later
        holds.connection.send(content[5:])
        assert holds.answer().status == 200
        until(browser, "document.querySelectorAll('.classes li').length === 4")


def test_the_openapi_page_needs_no_other_server(browser, server):
    show(browser, f"{server.address}/docs")
    until(browser, "document.querySelectorAll('.opblock').length === 4")
    assert "/predict" in browser.find_element("css selector", ".swagger-ui").text
    assert browser.get_log("browser") == []
    found = asked(browser)
    assert f"{server.address}/openapi.json" in found
    assert all(address.startswith(server.address) for address in found)
