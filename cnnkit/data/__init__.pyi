from .augmentation.catalogue import augmentation as augmentation, augmentations as augmentations
from .builtin.chirps import chirps as chirps
from .builtin.digits import digits as digits
from .builtin.keras_images import (
    cifar10 as cifar10,
    cifar100 as cifar100,
    fashion_mnist as fashion_mnist,
    mnist as mnist,
)
from .builtin.keras_texts import imdb as imdb, reuters as reuters
from .builtin.sentences import sentences as sentences
from .builtin.xo import xo as xo
from .catalogue import entry as entry, load as load, names as names, register as register
from .dataset import Dataset as Dataset, Split as Split
from .drawing import Drawing as Drawing, prepare_drawing as prepare_drawing
from .files.images import folder as folder
from .files.sounds import sounds as sounds
from .files.texts import texts as texts, tokens as tokens
from .inspection.inspection import inspect as inspect
from .photographs import on_photographs as on_photographs
from .sampling import (
    class_weights as class_weights,
    limit_per_class as limit_per_class,
    oversample as oversample,
)
