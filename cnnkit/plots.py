"""Arrays to figures; nothing else draws."""


def curves(history: dict[str, list[float]]):
    """Return a matplotlib figure of loss and accuracy against the epoch, training and validation."""
    raise NotImplementedError
