"""What the tests of failures compare with."""

import pytest
import small

import cnnkit


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """A run that was never stopped."""
    return cnnkit.run(small.small, runs_dir=tmp_path_factory.mktemp("whole"), name="whole")
