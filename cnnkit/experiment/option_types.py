"""The command-line option of a setting, made from its annotation or from its default."""

import ast
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path, PurePath

import click
import numpy as np
from click.core import ParameterSource

# These settings mean the same in every experiment, and so have the same range.
RANGES = {
    "epochs": click.IntRange(min=1),
    "batch_size": click.IntRange(min=1),
    "learning_rate": click.FloatRange(min=0, min_open=True),
    "label_smoothing": click.FloatRange(0, 1),
}
SCALARS = (int, float, bool, str)
SEQUENCES = (tuple, list, Sequence, Iterable, Collection)  # which JSON and commas both can hold


def option_of(name: str, hint, default, **options) -> click.Option:
    """Return the option of one setting.

    Args:
        name: The setting's name.
        hint: Its annotation; None where it has none, or one that Python cannot resolve.
        default: Its default, which the option returns as it is.
        **options: More options of click, such as `help`.

    Returns:
        The option. A bool becomes --flag/--no-flag, a Literal a choice, a tuple or list values
        separated by commas, a dict `things` repeated `--thing KEY=VALUE`. A type that a command
        line cannot give is named in the option's help.
    """
    flag = "--" + name.replace("_", "-")
    hint = _plain(type_of(default) if hint is None else hint)
    options |= {"default": default, "show_default": True}
    if hint is bool:
        return SettingOption([f"{flag}/--no-{flag[2:]}", name], **options)
    if (typing.get_origin(hint) or hint) in (dict, Mapping):
        options |= {"multiple": True, "default": tuple((default or {}).items())}
        options |= {
            "show_default": bool(default),
            "callback": lambda ctx, param, pairs: dict(pairs),
        }
        return SettingOption([flag.removesuffix("s"), name], type=Pair(), **options)
    kind = RANGES[name] if name in RANGES and hint in (int, float) else _click_type(hint, default)
    if isinstance(kind, CommaSeparated):
        options["show_default"] = ",".join(map(str, default or ()))
    elif isinstance(kind, NotHere):
        words = f"Its type {kind.name} cannot be given here, only in Python."
        options |= {"help": f"{options.get('help') or ''} {words}".strip(), "show_default": False}
    return SettingOption([flag, name], type=kind, **options)


def type_of(default):
    """Return the type of a setting that has no annotation.

    Args:
        default: The setting's default.

    Returns:
        The default's type, with that of its items for a tuple or list: `tuple[float, ...]`. `Any`
        for None and for nothing in common, which a Python literal or a text can stand for.

    >>> type_of((0.1, 0.2))
    tuple[float, ...]
    """
    if isinstance(default, np.generic):
        default = default.item()
    if default is None:
        return typing.Any
    if type(default) not in (tuple, list):
        return type(default)
    kinds = {type_of(item) for item in default}
    item = float if kinds == {int, float} else kinds.pop() if len(kinds) == 1 else typing.Any
    return list[item] if isinstance(default, list) else tuple[item, ...]


class SettingOption(click.Option):
    """An option whose default reaches the experiment as it stands in the signature."""

    def get_default(self, ctx: click.Context, call: bool = True):
        """Return the default, and do not call one that is a function or a class."""
        return super().get_default(ctx, call=False)

    def type_cast_value(self, ctx: click.Context, value):
        """Convert what the user gave, and nothing else."""
        if ctx.get_parameter_source(str(self.name)) is ParameterSource.DEFAULT:
            return value
        return super().type_cast_value(ctx, value)


class CommaSeparated(click.ParamType):
    """Values separated by commas.

    Args:
        items: The click type of every value; or several, one for each.
        container: What the values become: tuple or list.
    """

    name = "list"

    def __init__(self, items: click.ParamType | Sequence[click.ParamType], container: Callable):
        self.items, self.container = items, container

    def convert(self, value, param, ctx):
        """Return the values, or fail with the first that does not fit."""
        if not isinstance(value, str):
            return self.container(value)
        parts = [part.strip() for part in value.split(",")] if value.strip() else []
        if isinstance(self.items, click.ParamType):
            items = [self.items] * len(parts)
        else:
            items = list(self.items)
        if len(items) != len(parts):
            self.fail(f"{value!r} has {len(parts)} values, and not {len(items)}.", param, ctx)
        try:
            pairs = zip(items, parts, strict=True)
            return self.container(item.convert(part, param, ctx) for item, part in pairs)
        except click.BadParameter as error:
            names = " and ".join(
                dict.fromkeys(ITEM_NAMES.get(item.name, item.name) for item in items)
            )
            words = f"{value!r} is not a list of {names}s, such as 1,2,3: {error.message}"
            self.fail(words, param, ctx)


ITEM_NAMES = {"integer": "int", "boolean": "bool", "path": "path"}


class Literal(click.ParamType):
    """A Python literal, or a text where the value does not read as one."""

    name = "value"

    def convert(self, value, param, ctx):
        """Return the literal or the text."""
        return _literal(value) if isinstance(value, str) else value


class Pair(click.ParamType):
    """A click type for KEY=VALUE. The value is a Python literal if it reads as one, else a text."""

    name = "key=value"

    def convert(self, value, param, ctx):
        """Return (key, value), or fail if the text has no equals sign or the key is no name."""
        if not isinstance(value, str):
            return value
        key, equals, text = value.partition("=")
        if not equals or not key.isidentifier():
            self.fail(f"{value!r} is not of the form KEY=VALUE.")
        return key, _literal(text)


class AnyOf(click.ParamType):
    """A value of the first type that takes it.

    Args:
        kinds: Click types, from the narrowest to the widest.
    """

    def __init__(self, kinds: Sequence[click.ParamType]):
        self.kinds, self.name = kinds, "|".join(kind.name for kind in kinds)

    def convert(self, value, param, ctx):
        """Return what the first type makes of it, or fail as the last one does."""
        for kind in self.kinds[:-1]:
            try:
                return kind.convert(value, param, ctx)
            except click.BadParameter:
                continue
        return self.kinds[-1].convert(value, param, ctx)


class NotHere(click.ParamType):
    """A type of which the command line can give no value.

    Args:
        hint: The type.
    """

    def __init__(self, hint):
        self.name = hint.__name__ if isinstance(hint, type) else str(hint).replace("typing.", "")

    def convert(self, value, param, ctx):
        """Fail, and name the type."""
        self.fail(
            f"its type {self.name} cannot be given on the command line: annotate the setting as an "
            "int, float, bool, str, Path, Literal, tuple, list or dict, or give it in Python.",
            param, ctx,
        )  # fmt: skip


def _click_type(hint, default) -> click.ParamType:
    """Return the click type of a plain hint that is neither a bool nor a dict."""
    origin, arguments = typing.get_origin(hint) or hint, typing.get_args(hint)
    if hint is typing.Any:
        return Literal()
    if origin in (types.UnionType, typing.Union):
        kinds = [_click_type(_plain(each), default) for each in arguments]
        kinds = [kind for kind in kinds if not isinstance(kind, NotHere)]
        return AnyOf(sorted(kinds, key=_width)) if kinds else NotHere(hint)
    if origin is typing.Literal:
        return click.Choice(arguments)
    if origin in SEQUENCES:
        return _sequence(hint, origin, arguments, default)
    if isinstance(hint, type) and issubclass(hint, PurePath):
        return click.Path(path_type=Path)
    return click.types.convert_type(hint) if hint in SCALARS else NotHere(hint)


def _sequence(hint, origin, arguments: tuple, default) -> click.ParamType:
    container = origin if origin in (tuple, list) else list if isinstance(default, list) else tuple
    if not arguments:  # a bare tuple or list
        arguments = typing.get_args(type_of(container(default or ())))
    fixed = origin is tuple and arguments[-1:] != (...,)
    items = [_click_type(_plain(each), None) for each in arguments if each is not ...]
    if any(isinstance(item, (NotHere, CommaSeparated)) for item in items):
        return NotHere(hint)
    return CommaSeparated(items if fixed else items[0], container)


def _width(kind: click.ParamType) -> int:
    """Return how many texts a type takes, as a rank: an int is also a float, and both are texts."""
    return {click.INT: 0, click.FLOAT: 1, click.STRING: 3}.get(kind, 2)


def _plain(hint):
    """Return a hint without its alias, and without None, which no option can give."""
    hint = getattr(hint, "__supertype__", getattr(hint, "__value__", hint))
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        parts = tuple(each for each in typing.get_args(hint) if each is not types.NoneType)
        return _plain(parts[0]) if len(parts) == 1 else typing.Union[parts]  # noqa: UP007
    return hint


def _literal(text: str):
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
