"""Turn on oneDNN in TensorFlow, which leaves it off on x86 processors without AVX-512.

On those, too, convolutional networks train faster with it: LeNet-5 takes about a third of the
processor time. oneDNN sums in another order. Its gradients are as close to those in float64.
"""

import os
import platform
import sys

VARIABLE = "TF_ENABLE_ONEDNN_OPTS"


def set_default(value: str | None = "1") -> None:
    """Set TensorFlow's environment variable for oneDNN, unless the user has set it.

    It does nothing once Keras is imported, because TensorFlow reads the variable only then, and
    nothing on other processors than x86, where its gain was not measured. environment.json records
    the variable.

    Args:
        value: "1" for oneDNN, "0" for none, None for TensorFlow's own choice.
    """
    is_imported = "keras" in sys.modules or "tensorflow" in sys.modules
    if value is not None and not is_imported and platform.machine() in ("x86_64", "AMD64"):
        os.environ.setdefault(VARIABLE, value)
