from .by_name import optimizer as optimizer
from .muon import ConvolutionMuon as ConvolutionMuon
from .schedules import schedule as schedule
