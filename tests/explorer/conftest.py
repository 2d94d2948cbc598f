"""A small network, its page in one file and behind a server, and a browser that records requests."""

import pytest
from explorer_page import ExplorerPage
from three_shapes import CLASS_NAMES, SIDE, classifier, classifier_like, samples

from cnnkit import explorer


@pytest.fixture(scope="session")
def browser(open_browser):
    with open_browser() as opened:
        opened.set_script_timeout(30)
        yield opened


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
