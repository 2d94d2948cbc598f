from . import (
    attribution as attribution,
    figures as figures,
    kernels as kernels,
    outputs as outputs,
    probe as probe,
    xo as xo,
)
from .activations import (
    dead_filters as dead_filters,
    duplicated_filters as duplicated_filters,
    embeddings as embeddings,
    feature_maps as feature_maps,
    filters as filters,
)
from .attribution.cams import (
    grad_cam as grad_cam,
    grad_cam_plus_plus as grad_cam_plus_plus,
    layer_cam as layer_cam,
)
from .attribution.masks import occlusion as occlusion, rise as rise, score_cam as score_cam
from .attribution.pixels import (
    gradient as gradient,
    guided_backpropagation as guided_backpropagation,
    integrated_gradients as integrated_gradients,
    smooth_grad as smooth_grad,
)
from .attribution.sanity import (
    Curve as Curve,
    deletion as deletion,
    insertion as insertion,
    randomisation as randomisation,
)
from .changed_images import (
    CHANGES as CHANGES,
    Response as Response,
    robustness as robustness,
    shift_consistency as shift_consistency,
)
from .neighbours import nearest as nearest
from .patches import TopPatches as TopPatches, top_patches as top_patches
from .preferred_input import activation_maximisation as activation_maximisation
from .step_by_step import Walkthrough as Walkthrough, walkthrough as walkthrough
