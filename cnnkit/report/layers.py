"""A network's layers as a table: one row a stage where there are many."""

from collections.abc import Iterable, Iterator, Sequence

from cnnkit.report.markup import folded, table

MANY = 20  # layers of a network that is shown by stages first
MAX_NAMED_LAYERS = 6  # of more, only the first and the last are named
SAME_STAGE = 0.75  # of the stage's size; convolutions without padding shrink their images a little


def layers(model: dict) -> str:
    """Return a network's layers; those of a long one by stages, with all of them folded within.

    Args:
        model: The network's name, parameters and layers, as experiment.json has them.

    Returns:
        HTML.
    """
    every = model["layers"]
    rows = [
        (layer["name"], layer["kind"], _shape(layer["output_shape"]), f"{layer['parameters']:,}")
        for layer in every
    ]
    headings = ("layer", "kind", "output", "parameters")
    one_by_one = table("In order.", headings, rows, text=3)
    if len(every) <= MANY:
        return folded(f"The network's {len(rows)} layers", one_by_one)
    stages = list(_stages(every))
    summary = table(
        "A stage is a run of layers at about one resolution.",
        ("stage", "layers", "output", "parameters"),
        [(number, *_stage(part)) for number, part in enumerate(stages, start=1)],
        text=3,
    )
    return folded(
        f"The network's {len(rows)} layers in {len(stages)} stages",
        summary,
        folded("Layer by layer", one_by_one),
    )


def last_of_each_stage(sizes: Iterable[Sequence[int]]) -> list[int]:
    """Return the last index of every stage.

    A stage lasts until an image's height or width differs by more than a quarter from that of the
    stage's first image.

    Args:
        sizes: Heights and widths, in the order of the layers.

    Returns:
        Indices, in order.

    >>> last_of_each_stage([(149, 149), (147, 147), (73, 73), (71, 71), (35, 35)])
    [1, 3, 4]
    """
    sizes = [tuple(size) for size in sizes]
    lasts, first = [], 0
    for index in range(1, len(sizes)):
        if not _is_alike(sizes[first], sizes[index]):
            lasts.append(index - 1)
            first = index
    return [*lasts, len(sizes) - 1] if sizes else []


def named(names: Sequence[str]) -> str:
    """Return the names of layers; of many, their number, the first and the last.

    Args:
        names: The names.

    Returns:
        One line.

    >>> named([f"conv{number}" for number in range(9)])
    '9, from conv0 to conv8'
    """
    if len(names) <= MAX_NAMED_LAYERS:
        return ", ".join(names)
    return f"{len(names)}, from {names[0]} to {names[-1]}"


def _stages(every: list[dict]) -> Iterator[list[dict]]:
    """Yield the layers of each stage; a layer whose shape is unknown belongs to the one before."""
    sizes: list[tuple] = []
    for layer in every:
        shape = layer["output_shape"]
        sizes.append(tuple(shape[1:-1]) if shape or not sizes else sizes[-1])
    begin = 0
    for last in last_of_each_stage(sizes):
        yield every[begin : last + 1]
        begin = last + 1


def _stage(part: list[dict]) -> tuple[str, str, str]:
    parameters = sum(layer["parameters"] for layer in part)
    return (
        named([layer["name"] for layer in part]),
        _shape(part[-1]["output_shape"]),
        f"{parameters:,}",
    )


def _is_alike(one: Sequence, other: Sequence) -> bool:
    """Return whether two sizes are of one stage; a size that is not fixed equals only itself."""
    if len(one) != len(other):
        return False
    return all(
        a == b or (a and b and min(a, b) > SAME_STAGE * max(a, b))
        for a, b in zip(one, other, strict=True)
    )


def _shape(shape: list) -> str:
    return " × ".join("any" if size is None else str(size) for size in shape[1:])
