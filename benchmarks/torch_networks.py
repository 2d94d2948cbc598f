"""The networks of `benchmarks.training` in PyTorch, with a hand-written step. PyTorch is optional."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional


def network(options: dict) -> nn.Module:
    """Return the network that `cnnkit.models.create(**options)` makes: the same layers and sizes."""
    made = {"lenet5": _lenet5, "vgg": _vgg, "resnet20": _resnet20}
    return made[options["name"]](options)


def train(
    model: nn.Module,
    inputs: np.ndarray,
    labels: np.ndarray,
    batch_size: int,
    epochs: int,
    turn,
    bfloat16: bool = False,
) -> None:
    """Train with Adam on images (samples, height, width, channels) in memory, an epoch a turn.

    bfloat16: multiply in it, as PyTorch's autocast does; weights stay in float32.
    """
    model = model.to(memory_format=torch.channels_last)
    optimizer, loss = torch.optim.Adam(model.parameters()), nn.CrossEntropyLoss()
    images, labels = torch.from_numpy(inputs).permute(0, 3, 1, 2), torch.from_numpy(labels)
    for epoch in range(epochs):
        turn.on_epoch_begin(epoch)
        for chosen in torch.randperm(len(images)).split(batch_size):
            optimizer.zero_grad()
            batch = images[chosen].contiguous(memory_format=torch.channels_last)
            with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
                error = loss(model(batch), labels[chosen])
            error.backward()
            optimizer.step()
    turn.on_train_end()


def _lenet5(options: dict) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


def _vgg(options: dict) -> nn.Module:
    layers, channels = [], 3
    for depth, width in zip(options["depths"], options["widths"], strict=True):
        for _ in range(depth):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, *_head(channels))


def _resnet20(options: dict) -> nn.Module:
    layers, channels = [_convolution(3, 16), _norm(16), nn.ReLU()], 16
    for width in (16, 32, 64):
        for _ in range(3):
            layers.append(_Block(channels, width))
            channels = width
    return nn.Sequential(*layers, *_head(channels))


def _head(channels: int) -> list[nn.Module]:
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10)]


def _convolution(channels: int, width: int, stride: int = 1) -> nn.Module:
    return nn.Conv2d(channels, width, 3, stride=stride, padding=1, bias=False)


class _Block(nn.Module):
    """Two convolutions, and a shortcut without weights (He et al. 2015, option A)."""

    def __init__(self, channels: int, width: int):
        super().__init__()
        self.stride, self.new = (1 if channels == width else 2), width - channels
        self.first, self.first_norm = _convolution(channels, width, self.stride), _norm(width)
        self.second, self.second_norm = _convolution(width, width), _norm(width)

    def forward(self, maps):
        shortcut = maps[:, :, :: self.stride, :: self.stride]
        shortcut = functional.pad(shortcut, (0, 0, 0, 0, 0, self.new)) if self.new else shortcut
        maps = torch.relu(self.first_norm(self.first(maps)))
        return torch.relu(self.second_norm(self.second(maps)) + shortcut)


def _norm(width: int) -> nn.Module:
    return nn.BatchNorm2d(width)
