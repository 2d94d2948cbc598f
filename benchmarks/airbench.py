"""Airbench's CIFAR-10 network and recipe, in PyTorch on the processor. PyTorch is optional.

Written from K. Jordan 2024, https://arxiv.org/abs/2404.00498, sections 3 and 4, with the numbers of
its "94 %" recipe: 9.9 epochs in batches of 1,024. The paper trains in float16 on a GPU. Here PyTorch's
autocast multiplies in bfloat16 where the processor does, with channels last.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks.accuracy_clock import Clock
from cnnkit import data
from cnnkit.models import whitening_kernel

BATCH = 1024
WIDTHS, SCALE = (64, 256, 256), 1 / 9
MOMENTUM, SMOOTHING = 0.85, 0.2
RATE, DECAY, BIAS_FACTOR = 11.5, 0.0153, 64  # of 1,024 samples, before momentum multiplies them
START, PEAK, END = 0.2, 0.23, 0.07  # the rate at the beginning, when it is highest, and at the end
WHITENING_BIAS_EPOCHS = 3
MOVED = 2  # pixels
MEAN, DEVIATION = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


def trained(images: data.Dataset, seed: int, epochs: float) -> list[dict]:
    """Train it, test it after the last epoch by the recipe's six views, and return a row an epoch."""
    clock = Clock()
    clock.on_epoch_begin(0)

    def hears(model: nn.Module) -> None:
        known = accuracy(model, images.validation.inputs, images.validation.labels, views=False)
        clock.on_epoch_end(len(clock.epochs), {"val_accuracy": known})

    model = train(images.train.inputs, images.train.labels, seed, hears, epochs)
    test = images.test
    known, since = accuracy(model, test.inputs, test.labels), clock.since()
    return clock.tested(known, accuracy(model, test.inputs, test.labels, views=False), since)


def network(samples: np.ndarray) -> nn.Module:
    """Return the network; samples, (images, 32, 32, 3), normalised, are what it whitens."""
    kernel = torch.from_numpy(whitening_kernel(samples, 2)).permute(3, 2, 0, 1)
    whitened = nn.Conv2d(3, 2 * len(kernel), 2)
    whitened.weight.data[:] = torch.cat([kernel, -kernel])
    whitened.weight.requires_grad = False
    layers, channels = [whitened, nn.GELU()], 2 * len(kernel)
    for width in WIDTHS:
        layers += [_convolution(channels, width), nn.MaxPool2d(2), _norm(width), nn.GELU()]
        layers += [_convolution(width, width), _norm(width), nn.GELU()]
        channels = width
    layers += [nn.MaxPool2d(3), nn.Flatten(), nn.Linear(channels, 10, bias=False), _Scaled()]
    return nn.Sequential(*layers).to(memory_format=torch.channels_last)


class _Scaled(nn.Module):
    def forward(self, logits):
        return logits * SCALE


def _convolution(channels: int, width: int) -> nn.Module:
    convolution = nn.Conv2d(channels, width, 3, padding="same", bias=False)
    nn.init.dirac_(convolution.weight[:channels])  # the first maps begin as copies
    return convolution


def _norm(width: int) -> nn.Module:
    norm = nn.BatchNorm2d(width, eps=1e-12, momentum=0.4)  # PyTorch's is the part of the new
    norm.weight.requires_grad = False
    return norm


def normalised(images: np.ndarray) -> torch.Tensor:
    """Return bytes, (images, 32, 32, 3), as the network takes them: (images, 3, 32, 32)."""
    values = images.astype(np.float32) / 255
    values = (values - np.float32(MEAN)) / np.float32(DEVIATION)
    return torch.from_numpy(values).permute(0, 3, 1, 2)


def train(
    images: np.ndarray, labels: np.ndarray, seed: int, hears: Callable, epochs: float
) -> nn.Module:
    """Train on bytes, (images, 32, 32, 3), and return the network; hears(network) each epoch's end."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    pixels, labels = normalised(images), torch.from_numpy(labels)
    model = network(pixels[:5000].permute(0, 2, 3, 1).numpy()).train()
    steps_an_epoch = len(pixels) // BATCH
    steps = int(epochs * steps_an_epoch)
    optimizer, schedule = _optimizer(model, steps)
    loss = nn.CrossEntropyLoss(label_smoothing=SMOOTHING, reduction="sum")
    slow = {name: value.detach().clone() for name, value in _floats(model)}
    first_flips = rng.random(len(pixels)) < 0.5
    step = 0
    for epoch in range(int(np.ceil(epochs))):
        model[0].bias.requires_grad = epoch < WHITENING_BIAS_EPOCHS
        mirrored = torch.from_numpy(first_flips ^ bool(epoch % 2))
        order = torch.from_numpy(rng.permutation(len(pixels)))
        for chosen in order[: steps_an_epoch * BATCH].split(BATCH):
            if step == steps:
                break
            batch = _augmented(pixels[chosen], mirrored[chosen], rng)
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cpu", torch.bfloat16):
                logits = model(batch.contiguous(memory_format=torch.channels_last))
            loss(logits.float(), labels[chosen]).backward()
            optimizer.step()
            schedule.step()
            step += 1
            if step % 5 == 0:
                _look_ahead(model, slow, 0.95**5 * (step / steps) ** 3)
        if step == steps:
            _look_ahead(model, slow, 1.0)
        hears(model)
    return model


def _optimizer(model: nn.Module, steps: int):
    """Return SGD with a rate and a decay a sample, and the triangle that the rate follows."""
    samples = 1024 * (1 + 1 / (1 - MOMENTUM))
    rate, decay = RATE / samples, DECAY * BATCH / samples
    biases = [own.bias for own in model.modules() if isinstance(own, nn.BatchNorm2d)]
    others = [each for each in model.parameters() if not any(each is bias for bias in biases)]
    others = [each for each in others if each.requires_grad]
    groups = [
        {"params": biases, "lr": rate * BIAS_FACTOR, "weight_decay": decay / (rate * BIAS_FACTOR)},
        {"params": others, "lr": rate, "weight_decay": decay / rate},
    ]
    optimizer = torch.optim.SGD(groups, momentum=MOMENTUM, nesterov=True)
    triangle = np.interp(np.arange(steps + 1), [0, int(PEAK * steps), steps], [START, 1, END])
    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, triangle.__getitem__)


def _look_ahead(model: nn.Module, slow: dict[str, torch.Tensor], kept: float) -> None:
    """Move slow weights toward the network's, which it then has itself (arXiv 1907.08610)."""
    with torch.no_grad():
        for name, value in _floats(model):
            slow[name].lerp_(value, 1 - kept)
            value.copy_(slow[name])


def _floats(model: nn.Module) -> list[tuple[str, torch.Tensor]]:
    return [
        (name, value) for name, value in model.state_dict().items() if value.is_floating_point()
    ]


def _augmented(batch: torch.Tensor, mirrored: torch.Tensor, rng: np.random.Generator):
    """Return images mirrored where that is said, and each moved by up to two pixels."""
    batch = torch.where(mirrored[:, None, None, None], batch.flip(-1), batch)
    padded = functional.pad(batch, [MOVED] * 4, "reflect")
    moved = torch.empty_like(batch)
    places = torch.from_numpy(rng.integers(2 * MOVED + 1, size=(len(batch), 2)))
    for top in range(2 * MOVED + 1):
        for left in range(2 * MOVED + 1):
            here = (places == torch.tensor([top, left])).all(dim=1)
            moved[here] = padded[here, :, top : top + 32, left : left + 32]
    return moved


def accuracy(model: nn.Module, images: np.ndarray, labels: np.ndarray, views: bool = True) -> float:
    """Return the part of images known; views: by the recipe's six, else by the image alone."""
    model.eval()
    right = 0
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for begin in range(0, len(images), 1000):
            batch = normalised(images[begin : begin + 1000])
            if views:
                padded = functional.pad(batch, [1] * 4, "reflect")
                corners = padded[..., :32, :32], padded[..., 2:, 2:]
                moved = sum(_both(model, corner) for corner in corners) / 2
                logits = (_both(model, batch) + moved) / 2
            else:
                logits = model(batch.contiguous(memory_format=torch.channels_last))
            known = logits.argmax(dim=1).numpy() == labels[begin : begin + 1000]
            right += int(known.sum())
    model.train()
    return right / len(images)


def _both(model: nn.Module, batch: torch.Tensor) -> torch.Tensor:
    """Return the mean of the logits of images and of their mirror images."""
    one, other = (
        model(each.contiguous(memory_format=torch.channels_last))
        for each in (batch, batch.flip(-1))
    )
    return (one + other) / 2
