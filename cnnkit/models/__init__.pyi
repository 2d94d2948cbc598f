from .anatomy import Anatomy as Anatomy, Row as Row, anatomy as anatomy
from .catalogue import create as create, entry as entry, names as names, register as register
from .families.alexnet import alexnet as alexnet, alexnet_2012 as alexnet_2012
from .families.convnet import convnet as convnet
from .families.densenet import (
    densenet121 as densenet121,
    densenet169 as densenet169,
    densenet201 as densenet201,
    densenet264 as densenet264,
    densenet_bc as densenet_bc,
)
from .families.googlenet import googlenet as googlenet
from .families.lenet import lenet5 as lenet5
from .families.lenet5_1998 import lenet5_1998 as lenet5_1998
from .families.mlp import mlp as mlp
from .families.resnet import (
    resnet18 as resnet18,
    resnet20 as resnet20,
    resnet32 as resnet32,
    resnet34 as resnet34,
    resnet44 as resnet44,
    resnet50 as resnet50,
    resnet56 as resnet56,
    resnet101 as resnet101,
    resnet110 as resnet110,
    resnet152 as resnet152,
    resnet_cifar as resnet_cifar,
)
from .families.vgg import (
    vgg as vgg,
    vgg11 as vgg11,
    vgg11_lrn as vgg11_lrn,
    vgg13 as vgg13,
    vgg16 as vgg16,
    vgg16_1x1 as vgg16_1x1,
    vgg19 as vgg19,
    vgg_small as vgg_small,
)
from .families.whitened_convnet import whitened_convnet as whitened_convnet
from .families.whitened_resnet import whitened_resnet as whitened_resnet
from .receptive_field import Field as Field
from .weights import load_weights as load_weights
from .whitening import (
    whitened_convolution as whitened_convolution,
    whitening_kernel as whitening_kernel,
)
