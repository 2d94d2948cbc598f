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

    Only where nobody has set it and TensorFlow, which reads it as it is imported, has not been yet;
    and on x86 alone, where its gain was measured. environment.json keeps it.
    """
    here = platform.machine() in ("x86_64", "AMD64") and "tensorflow" not in sys.modules
    if here and value is not None:
        os.environ.setdefault(VARIABLE, value)
