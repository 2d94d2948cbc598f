from . import (
    attribution as attribution,
    figures as figures,
    kernels as kernels,
    outputs as outputs,
    xo as xo,
)
from .activation_maximisation import activation_maximisation as activation_maximisation
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
from .attribution.faithfulness import (
    ProbabilityCurve as ProbabilityCurve,
    deletion as deletion,
    insertion as insertion,
    parameter_randomisation as parameter_randomisation,
)
from .attribution.gradients import (
    gradient as gradient,
    guided_backpropagation as guided_backpropagation,
    integrated_gradients as integrated_gradients,
    smooth_grad as smooth_grad,
)
from .attribution.perturbations import occlusion as occlusion, rise as rise, score_cam as score_cam
from .nearest_neighbours import nearest_neighbours as nearest_neighbours
from .nudging import Nudges as Nudges, nudge as nudge
from .robustness import (
    PERTURBATIONS as PERTURBATIONS,
    RobustnessCurve as RobustnessCurve,
    robustness as robustness,
    shift_consistency as shift_consistency,
)
from .top_patches import TopPatches as TopPatches, top_patches as top_patches
from .walkthrough import Walkthrough as Walkthrough, walkthrough as walkthrough
