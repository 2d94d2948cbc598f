"""A PyTorch DataLoader over a folder of JPEG files, with Pillow and a worker a core. Needs PyTorch."""

import os
from pathlib import Path

import numpy as np
import torch
from PIL import Image


class Files(torch.utils.data.Dataset):
    """The photos below a folder, resized, as floats in [0, 1]."""

    def __init__(self, folder: Path, size: tuple[int, int]):
        self.paths, self.size = sorted(folder.rglob("*.jpg")), size

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        with Image.open(self.paths[index]) as image:
            pixels = image.convert("RGB").resize(self.size, Image.Resampling.BILINEAR)
        return torch.from_numpy(np.array(pixels)).float() / 255


def loader(folder: Path, size: tuple[int, int], batch_size: int) -> torch.utils.data.DataLoader:
    """Return a shuffled loader."""
    return torch.utils.data.DataLoader(
        Files(folder, size), batch_size, shuffle=True, num_workers=os.cpu_count()
    )
