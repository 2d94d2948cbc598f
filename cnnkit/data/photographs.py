"""Lay grey images on photographs, as MNIST-M does: the same task with something behind it.

Source: Ganin et al. 2016, https://arxiv.org/abs/1505.07818, Section 5.2.1, for MNIST-M.
"""

import dataclasses

import numpy as np

from cnnkit.data.dataset import Dataset, Split


def on_photographs(dataset: Dataset, *, copies: int = 1, seed: int = 0) -> Dataset:
    """Lay grey images on patches of the two photographs that scikit-learn brings.

    Args:
        dataset: Images of shape (samples, height, width, 1), 0 to 255.
        copies: How often each training image appears, each time on another patch.
        seed: Chooses the patches.

    Returns:
        A Dataset of uint8 inputs, shape (samples, height, width, 3): the absolute difference of
        patch and image, as in MNIST-M.
    """
    from sklearn.datasets import load_sample_images  # takes a second that others need not pay

    photographs = load_sample_images().images
    generator = np.random.default_rng(seed)
    height, width, _ = dataset.image_shape

    def patch() -> np.ndarray:
        photograph = photographs[generator.integers(len(photographs))]
        top = generator.integers(photograph.shape[0] - height + 1)
        left = generator.integers(photograph.shape[1] - width + 1)
        return photograph[top : top + height, left : left + width].astype(int)

    def laid(split: Split, times: int) -> Split:
        greys = np.tile(np.asarray(split.inputs), (times, 1, 1, 1)).astype(int)
        colours = [np.abs(patch() - grey) for grey in greys]
        return Split(np.stack(colours).astype(np.uint8), np.tile(split.labels, times))

    return dataclasses.replace(
        dataset,
        name=f"{dataset.name}_on_photographs",
        train=laid(dataset.train, copies),
        validation=laid(dataset.validation, 1),
        test=laid(dataset.test, 1),
        call=None,  # which would load the images without photographs
    )
