from .architecture import architecture as architecture
from .curves import probability_curves as probability_curves, robustness as robustness
from .grids import (
    feature_maps as feature_maps,
    filters as filters,
    heat_maps as heat_maps,
    receptive_fields as receptive_fields,
    top_patches as top_patches,
)
from .kernel_responses import kernel_responses as kernel_responses
from .sizes import sizes as sizes
from .sliding import sliding_window as sliding_window
from .squares import numbers as numbers
from .walkthrough import walkthrough as walkthrough
from .xo_figure import xo_story as xo_story
