from .explanations import Explanations as Explanations, explain_samples as explain_samples
from .page import write as write
