from .animation import Film as Film, film as film
from .charts import (
    confusion_matrix as confusion_matrix,
    learning_curves as learning_curves,
    learning_rate_finder as learning_rate_finder,
    metric_names as metric_names,
    reliability_diagram as reliability_diagram,
)
from .drawing_area import Canvas as Canvas, canvas as canvas
from .figure import (
    TRAINING_COLOUR as TRAINING_COLOUR,
    VALIDATION_COLOUR as VALIDATION_COLOUR,
    WRONG_COLOUR as WRONG_COLOUR,
    new_figure as new_figure,
    png as png,
    svg as svg,
)
from .grids import (
    image_grid as image_grid,
    kernel_images as kernel_images,
    kernels as kernels,
    texts as texts,
    to_uint8 as to_uint8,
    waveforms as waveforms,
)
from .overlay import overlaid_curves as overlaid_curves
from .preview import (
    expect_images as expect_images,
    mean_images as mean_images,
    preview as preview,
)
from .rate_curves import (
    precision_recall_curves as precision_recall_curves,
    roc_curves as roc_curves,
)
