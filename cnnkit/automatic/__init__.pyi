from .candidates import Candidate as Candidate, backbones as backbones, networks as networks
from .finding import Found as Found, run as run
from .halving import Trial as Trial, halve as halve
from .heads import HeadScore as HeadScore, cross_validate as cross_validate
