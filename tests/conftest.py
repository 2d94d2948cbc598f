"""What all tests share: where the real data lies, and a private Keras cache."""

import contextlib
import gc
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("MPLBACKEND", "Agg")

# This process' own, as its children are killed at any moment, and JAX writes an entry in place.
COMPILED = tempfile.TemporaryDirectory(prefix="cnnkit_compiled_")

SHARED = Path(os.environ.get("CNNKIT_SHARED") or Path(__file__).parents[2] / "shared")


def pytest_configure():
    """Let JAX keep what it compiled: many tests train the same small networks."""
    if os.environ.get("KERAS_BACKEND") == "jax":
        import jax

        jax.config.update("jax_compilation_cache_dir", COMPILED.name)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def pytest_collection_finish():
    """Keep what was imported out of garbage collection, which would walk through it for each test."""
    import hypothesis  # looks for what refers to its sources of chance, and sees nothing frozen

    assert hypothesis
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def shared():
    """The folder with real data and weights; tests that need it are skipped where it is absent."""
    if not (SHARED / "data").is_dir():
        pytest.skip(f"no real data at {SHARED}; set CNNKIT_SHARED to a folder that has them")
    return SHARED


@pytest.fixture(scope="session")
def keras_home(shared, tmp_path_factory):
    """A writable copy of the Keras cache: Keras silently ignores one it may not write to."""
    folder = tmp_path_factory.mktemp("keras_home") / "cache"
    shutil.copytree(shared / "keras_home", folder)
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


@pytest.fixture
def cached_keras(keras_home, monkeypatch):
    """Let this process use that copy as KERAS_HOME."""
    from keras.src.backend import config

    monkeypatch.setenv("KERAS_HOME", str(keras_home))
    monkeypatch.setattr(config, "_KERAS_DIR", str(keras_home))
    return keras_home


@pytest.fixture(autouse=True, scope="module")
def no_networks_of_other_files():
    """Keras keeps each graph of each network that it built: they would fill the memory."""
    yield
    if "keras" in sys.modules:
        sys.modules["keras"].utils.clear_session()


@pytest.fixture(autouse=True)
def own_image_cache(tmp_path_factory, monkeypatch):
    """Keep the decoded images of tests out of the user's cache, and of one another's."""
    folder = tmp_path_factory.mktemp("image_cache", numbered=True)
    monkeypatch.setenv("CNNKIT_CACHE", str(folder))
    monkeypatch.delenv("CNNKIT_CACHE_GIGABYTES", raising=False)
    return folder


@pytest.fixture
def photo_shape():
    """Height, width and channels of the photos; files of tests may need others."""
    return 20, 30, 3


@pytest.fixture
def photos(tmp_path, monkeypatch, photo_shape):
    """A folder of 24 small pictures of two classes in the current folder."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for number in range(24):
        file = tmp_path / f"photos/{'xo'[number % 2]}/{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, photo_shape, dtype=np.uint8)).save(file)
    return tmp_path / "photos"


@pytest.fixture(scope="session")
def open_browser():
    """A context without arguments: headless Chromium, which logs its console and its requests."""
    webdriver = pytest.importorskip("selenium.webdriver")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("no chromium and chromedriver here; Debian's packages have them")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})

    @contextlib.contextmanager
    def opened():
        browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
        yield browser
        browser.quit()

    return opened


@pytest.fixture(scope="session")
def tensorboard_of():
    """A context (runs_dir, is_whole, *words) -> a function from a path of a server's to its answer.

    The server reads folders in turns, so `is_whole` says of that function whether all is there.
    """

    @contextlib.contextmanager
    def serve(runs_dir, is_whole, *words):
        code = "from cnnkit.cli import main; main()"
        process = subprocess.Popen(
            [sys.executable, "-c", code, "tensorboard", *words, "--runs-dir", str(runs_dir)],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        address = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())[0]

        def get(path, **query):
            url = f"{address}/data/{path}?{urllib.parse.urlencode(query)}"
            with urllib.request.urlopen(url, timeout=60) as answer:
                return answer.read()

        for _ in range(600):
            if is_whole(lambda path: json.loads(get(path))):
                break
            get("environment")
        yield get
        process.terminate()
        process.communicate(timeout=30)

    return serve
