from .fused_normalization import fused_batch_normalization as fused_batch_normalization
from .relu_after_pooling import (
    relu_after_pooling as relu_after_pooling,
    relu_pooling_pairs as relu_pooling_pairs,
)
