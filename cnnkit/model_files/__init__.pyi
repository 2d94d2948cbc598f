from .hdf5 import (
    check_weights as check_weights,
    open_weights as open_weights,
    read_array as read_array,
)
from .inspection import LayerFacts as LayerFacts, ModelFacts as ModelFacts, inspect as inspect
from .model import load_model as load_model
