from .lenet5 import LeNet5Loss as LeNet5Loss
from .weighted import WeightedCrossentropy as WeightedCrossentropy, weighted_loss as weighted_loss
