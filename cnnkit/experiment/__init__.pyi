from .built_in import built_in_experiment as built_in_experiment
from .distillation import distiller as distiller
from .experiment import Experiment as Experiment
from .image_size import AtImageSize as AtImageSize
