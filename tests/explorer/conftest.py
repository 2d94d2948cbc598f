"""A small network, its page in one file and behind a server, and a browser that records requests."""

import shutil

import keras
import numpy as np
import pytest
from explorer_page import ExplorerPage

from cnnkit import explorer

CLASS_NAMES = ("ring", "cross", "dot")
SIDE = 12


@pytest.fixture(scope="session")
def browser():
    webdriver = pytest.importorskip("selenium.webdriver")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("no chromium and chromedriver here; Debian's packages have them")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    opened.set_script_timeout(30)
    yield opened
    opened.quit()


def classifier() -> keras.Model:
    """A network with most of what the page explains, small enough to be quick."""
    keras.utils.set_random_seed(3)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 1), name="raw"),
            layers.Rescaling(1 / 255, name="scale"),
            layers.Conv2D(4, 3, padding="same", activation="relu", name="C1"),
            layers.MaxPooling2D(2, name="S2"),
            layers.Conv2D(5, 3, strides=2, padding="same", activation="tanh", name="C3"),
            layers.BatchNormalization(name="norm"),
            layers.Flatten(name="flatten"),
            layers.Dense(8, activation="relu", name="F4"),
            layers.Dense(3, name="logits"),
            layers.Softmax(name="probabilities"),
        ],
        name="small",
    )


def samples() -> list[explorer.Sample]:
    pixels = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE, 1), dtype=np.uint8)
    return [explorer.Sample(picture, n, 0.5, (n + n // 2) % 3) for n, picture in enumerate(pixels)]


@pytest.fixture(scope="module")
def described():
    """The network and its document."""
    model = classifier()
    preparation = explorer.Preparation(SIDE, SIDE, 1, "crop", (0, 255), light_on_dark=True)
    document = explorer.document(model, CLASS_NAMES, preparation, samples=samples())
    return model, document


@pytest.fixture(scope="module", params=["file", "served"])
def page(request, browser, described, tmp_path_factory):
    """The network's page, opened in the browser, with the requests that it has made."""
    model, document = described
    if request.param == "file":
        path = tmp_path_factory.mktemp("page") / "page.html"
        explorer.write_page(path, document)
        yield ExplorerPage(browser, path.as_uri(), classifier_like(model))
        return
    server = explorer.Explorer(explorer.KerasEngine(classifier_like(model), document))
    yield ExplorerPage(browser, server.address, classifier_like(model))
    server.close()


def classifier_like(model) -> keras.Model:
    """Return a copy with the same weights."""
    copy = classifier()
    copy.set_weights(model.get_weights())
    return copy
