"""What `import_keras` leaves for later, in a process of its own."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.once

CODE = """
import gc
import sys
from cnnkit.keras_import import import_keras

keras = import_keras()
assert not [each for each in sys.meta_path if type(each).__module__.startswith("cnnkit")]
print([name for name in ("sklearn", "matplotlib.pyplot") if name in sys.modules])
frozen = gc.get_freeze_count()
assert gc.isenabled() and frozen > 50_000, frozen
import_keras()
assert gc.get_freeze_count() == frozen
from sklearn.base import BaseEstimator
from keras.wrappers import SKLearnClassifier
assert issubclass(SKLearnClassifier, BaseEstimator)
assert SKLearnClassifier is keras.wrappers.SKLearnClassifier
assert keras.visualization.plot_image_gallery.__module__.startswith("keras.src.visualization")
print([name for name in ("sklearn", "matplotlib.pyplot") if name in sys.modules])
"""


def test_scikit_learn_and_pyplot_wait_until_keras_needs_them():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["[]", "['sklearn', 'matplotlib.pyplot']"]
