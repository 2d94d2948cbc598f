"""oneDNN in TensorFlow, which leaves it off by default on x86 processors without AVX-512.

There, too, it trains convolutional networks in less of the processor's time: LeNet-5 in about a
third. It adds up in another order: its gradients are as near to those in float64 as the others are.
"""

import os
import platform
import sys

VARIABLE = "TF_ENABLE_ONEDNN_OPTS"


def set_default(value: str | None = "1") -> None:
    """Let TensorFlow find this setting: "1" for oneDNN, "0" for none, None for its own choice.

    Only where nobody has set it and Keras is not imported yet, as TensorFlow reads it while it is;
    and on x86 alone, where its gain was measured. environment.json keeps it.
    """
    begun = "keras" in sys.modules or "tensorflow" in sys.modules
    if value is not None and not begun and platform.machine() in ("x86_64", "AMD64"):
        os.environ.setdefault(VARIABLE, value)
