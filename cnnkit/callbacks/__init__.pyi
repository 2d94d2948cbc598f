from .explain import Explain as Explain
from .weight_averaging import StochasticWeightAveraging as StochasticWeightAveraging
