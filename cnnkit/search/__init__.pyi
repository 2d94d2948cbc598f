from .architectures import (
    convnet_options as convnet_options,
    vgg_options as vgg_options,
)
from .ranges import (
    integers as integers,
    log_integers as log_integers,
    log_uniform as log_uniform,
    uniform as uniform,
)
from .search import Search as Search, load as load, run as run
from .summary import pictures as pictures, rows as rows
