from .backbones import backbone as backbone, check_pixels as check_pixels
from .batch_norm_fusion import fuse_batch_norm as fuse_batch_norm
from .catalogue import (
    BackboneInfo as BackboneInfo,
    backbone_info as backbone_info,
    check_name as check_name,
    in_cache as in_cache,
    is_backbone as is_backbone,
    names as names,
    require_hub as require_hub,
)
from .efficientnet_lite import efficientnet_lite0 as efficientnet_lite0
from .embedding import embedding_model as embedding_model
from .extraction import (
    AugmentedViews as AugmentedViews,
    feature_extractor as feature_extractor,
    features as features,
    split_features as split_features,
)
from .finetune import FineTuning as FineTuning
from .heads import (
    attach_head as attach_head,
    classifier as classifier,
    create as create,
    head as head,
)
from .hub import hub_backbone as hub_backbone, hub_presets as hub_presets
from .imagenet import (
    evaluate_imagenet as evaluate_imagenet,
    imagenet_classifier as imagenet_classifier,
    most_probable as most_probable,
)
from .network_blocks import blocks as blocks
