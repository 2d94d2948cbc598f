from .expected_labels import expects_one_hot as expects_one_hot
from .lenet5 import LeNet5Loss as LeNet5Loss
from .weighted import WeightedCrossentropy as WeightedCrossentropy, weighted_loss as weighted_loss
