"""Draws docs/design.svg: the rooms of cnnkit and who imports whom, read from the code.

    python docs/draw_design.py

Floors are the layers of the import contract in pyproject.toml; arrows are the imports that
import-linter's graph finds. An arrow is left out where a way over other rooms says the same.
"""

import itertools
import tomllib
from pathlib import Path

import grimp
import matplotlib
from matplotlib.figure import Figure

ROOT = Path(__file__).parents[1]
WIDTH, HEIGHT = 11, 0.95  # inches; the height of one floor


def layers() -> list[list[str]]:
    """Return the rooms of each floor, from the top, as the import contract names them."""
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    contract = next(each for each in tools["importlinter"]["contracts"] if each["type"] == "layers")
    return [[room.strip() for room in floor.split("|")] for floor in contract["layers"]]


def imports(rooms: list[str]) -> set[tuple[str, str]]:
    """Return the pairs of rooms (importer, imported) that no way over other rooms implies."""
    graph = grimp.build_graph("cnnkit")
    members = {room: {room, *graph.find_descendants(room)} for room in rooms}
    below = {room: set() for room in rooms}
    for importer, imported in itertools.permutations(rooms, 2):
        importers = map(graph.find_modules_that_directly_import, members[imported])
        if members[importer] & set().union(*importers):
            below[importer].add(imported)
    reached = {}
    for room in reversed(rooms):  # from the ground up, so that what is below is known
        reached[room] = below[room].union(*(reached.get(each, set()) for each in below[room]))
    return {
        (room, each)
        for room in rooms
        for each in below[room]
        if not any(each in reached[other] for other in below[room] - {each})
    }


def draw(path: Path) -> None:
    """Draw the floors with their rooms, and an arrow for each pair of rooms that import."""
    floors = layers()
    places = {
        room: ((column + 1) * WIDTH / (len(floor) + 1), (len(floors) - row) * HEIGHT)
        for row, floor in enumerate(floors)
        for column, room in enumerate(floor)
    }
    figure = Figure(figsize=(WIDTH, HEIGHT * (len(floors) + 1)))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(0.3, (len(floors) + 0.7) * HEIGHT))
    axes.axis("off")
    for importer, imported in sorted(imports(list(places))):
        (x, y), (u, v) = places[importer], places[imported]
        far = abs(y - v) > 1.5 * HEIGHT and abs(x - u) < 1
        axes.annotate(
            "", xy=(u, v), xytext=(x, y),
            arrowprops={
                "arrowstyle": "-|>", "color": "#6b7f99", "shrinkA": 15, "shrinkB": 15,
                "connectionstyle": f"arc3,rad={0.3 if far else 0}",
            },
        )  # fmt: skip
    for room, (x, y) in places.items():
        axes.text(
            x, y, room.removeprefix("cnnkit."), ha="center", va="center", fontsize=13,
            bbox={"boxstyle": "round,pad=0.4", "facecolor": "#eef4fb", "edgecolor": "#34506f"},
        )  # fmt: skip
    with matplotlib.rc_context({"svg.hashsalt": "cnnkit"}):  # the same code draws the same file
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


if __name__ == "__main__":
    draw(ROOT / "docs" / "design.svg")
