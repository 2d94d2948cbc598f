"""What `cnnkit.explain` offers, and what importing it may cost."""

import subprocess
import sys

import pytest

from cnnkit import explain


@pytest.mark.parametrize("name", explain.__all__)
def test_every_public_name_is_there_and_documented(name):
    assert getattr(explain, name).__doc__


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="attribute grad_kam"):
        explain.grad_kam  # noqa: B018


def test_importing_the_package_does_not_import_keras():
    code = "import sys, cnnkit.explain; sys.exit('keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
