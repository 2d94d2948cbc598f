"""Keras' own insides are read in one room, so that a new release of Keras is met there alone."""

import ast
from pathlib import Path

import pytest

import cnnkit

pytestmark = pytest.mark.once

ROOM = "keras_graph"
# Names of Keras' own that Keras may change from one release to the next.
INTERNAL = {
    "_functional", "_get_variable_index", "_inbound_nodes", "_keras_history", "_layers",
    "_nodes_by_depth", "_operations_by_depth", "_outbound_nodes", "_trainable_variables",
    "inbound_nodes", "input_tensors", "is_input_node", "keras_history", "nodes_by_depth",
    "operations_by_depth", "output_tensors", "outbound_nodes", "parent_nodes",
}  # fmt: skip


def names_used(path: Path):
    """The attributes and the strings of a file, with their lines."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            # A class may call its own attribute what it likes.
            of_self = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            if not of_self:
                yield node.attr, node.lineno
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value, node.lineno


def test_only_one_room_reads_the_internals_of_keras():
    root = Path(cnnkit.__file__).parent
    found = [
        f"{path.relative_to(root)}:{line} {name}"
        for path in sorted(root.rglob("*.py"))
        if path.relative_to(root).parts[0] != ROOM
        for name, line in names_used(path)
        if name in INTERNAL
    ]
    assert not found, (
        f"Only cnnkit/{ROOM} may read the internals of Keras; use `layer_calls` of its file walk.py "
        "or add a function there:\n" + "\n".join(found)
    )
