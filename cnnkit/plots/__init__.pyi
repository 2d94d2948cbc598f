from .charts import (
    TRAINING as TRAINING,
    VALIDATION as VALIDATION,
    WRONG as WRONG,
    blank as blank,
    confusion_matrix as confusion_matrix,
    curves as curves,
    filters as filters,
    image_grid as image_grid,
    learning_rates as learning_rates,
    metrics_of as metrics_of,
    pixels as pixels,
    png as png,
    reliability as reliability,
    sentences as sentences,
    svg as svg,
    tiles as tiles,
    waves as waves,
)
from .preview import (
    expect_pictures as expect_pictures,
    mean_images as mean_images,
    preview as preview,
)
