"""The page's built files are those of its sources."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

import cnnkit.explorer

pytestmark = pytest.mark.once

ASSETS = Path(cnnkit.explorer.__file__).parent / "assets"
WEB = Path(__file__).parents[2] / "explorer" / "web"


def test_page_was_built_from_these_sources():
    digest = hashlib.sha256()
    sources = sorted(path for path in (WEB / "src").rglob("*") if path.is_file())
    for path in [
        *(WEB / name for name in ("build.mjs", "package-lock.json", "tsconfig.json")),
        *sources,
    ]:
        digest.update(f"{path.relative_to(WEB).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    built_from = (ASSETS / "SOURCES.sha256").read_text().strip()
    assert digest.hexdigest() == built_from, (
        "the page is older than its sources: run `make explorer`"
    )


def test_building_again_gives_the_same_files(tmp_path):
    if shutil.which("node") is None or not (WEB / "node_modules").is_dir():
        pytest.skip("no Node or no node_modules here: `make explorer` fetches them")
    subprocess.run(["node", "build.mjs", str(tmp_path)], cwd=WEB, check=True, timeout=60)
    built = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    committed = {path.name: path.read_bytes() for path in ASSETS.iterdir()}
    assert built == committed
