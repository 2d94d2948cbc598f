from .by_name import create as create, decay_kernels_only as decay_kernels_only
from .muon import ConvolutionMuon as ConvolutionMuon
from .schedules import WarmUp as WarmUp, schedule as schedule
