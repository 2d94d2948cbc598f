"""Writes the reference: a page a package with every public name, and a page a command.

Names come from the packages' `__all__`, which `__init__.pyi` fills; commands from click. What is
written is not kept in the repository.
"""

import inspect
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import click

import cnnkit
from cnnkit.cli import main

WIDTH = 88  # of a help page: what fits the site's column without scrolling


def write(folder: Path):
    """Write all pages into a folder, which is emptied before."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    known: dict[int, str] = {}
    packages = ["cnnkit", *_packages(cnnkit)]
    for package in packages:
        (folder / f"{package}.rst").write_text(_package_page(package, known))
    (folder / "python.rst").write_text(_contents("Python", "Every public name.", packages, 1))
    commands = list(_commands(main, click.Context(main, info_name="cnnkit")))
    for context in commands:
        name = context.command_path.replace(" ", "-")
        (folder / f"command-{name}.rst").write_text(_command_page(context))
    pages = [f"command-{context.command_path.replace(' ', '-')}" for context in commands]
    text = "Every command, as its ``--help`` describes it."
    (folder / "commands.rst").write_text(_contents("Commands", text, pages, 1))


def _packages(module: ModuleType) -> list[str]:
    """Return the dotted names of the packages and modules that a module exports."""
    things = [getattr(module, name) for name in module.__all__]
    return sorted(thing.__name__ for thing in things if inspect.ismodule(thing))


def _package_page(name: str, known: dict[int, str]) -> str:
    """Return the page of one package; a name that another page has is only linked."""
    module = cnnkit
    for part in name.split(".")[1:]:
        module = getattr(module, part)
    page = [_title(name), f".. automodule:: {name}", ""]
    if not hasattr(module, "__all__"):
        return "\n".join([*page[:-1], "   :members:", ""])
    things = {public: getattr(module, public) for public in sorted(module.__all__, key=str.lower)}
    # Modules come last: Sphinx takes what follows one for a part of it.
    for public, thing in sorted(things.items(), key=lambda item: inspect.ismodule(item[1])):
        page.append(_entry(f"{name}.{public}", thing, known))
    return "\n".join(page)


def _entry(name: str, thing: object, known: dict[int, str]) -> str:
    """Return the directive that documents one public name."""
    if inspect.ismodule(thing):
        return "" if name.count(".") == 1 else f".. automodule:: {name}\n   :members:\n"
    if callable(thing):
        first = known.setdefault(id(thing), name)
        if first != name:
            return (
                f".. py:data:: {name}\n   :no-index-entry:\n\n   The same as :py:obj:`{first}`.\n"
            )
    if inspect.isclass(thing):
        return f".. autoclass:: {name}\n   :members:\n"
    if callable(thing):
        return f".. autofunction:: {name}\n"
    value = ", ".join(thing) if isinstance(thing, Mapping) else repr(thing)
    return f".. py:data:: {name}\n\n   ``{value}``\n"


def _commands(command: click.Command, context: click.Context):
    """Yield a context for a command and for each one below it."""
    yield context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            yield from _commands(below, click.Context(below, info_name=name, parent=context))


def _command_page(context: click.Context) -> str:
    """Return a page with the help of one command."""
    context.max_content_width = context.terminal_width = WIDTH
    help_page = "\n".join(f"   {line}".rstrip() for line in context.get_help().splitlines())
    return f"{_title(context.command_path)}\n.. code-block:: text\n\n{help_page}\n"


def _contents(title: str, text: str, pages: list[str], depth: int) -> str:
    """Return a page that lists others."""
    listed = "\n".join(f"   {page}" for page in pages)
    return f"{_title(title)}\n{text}\n\n.. toctree::\n   :maxdepth: {depth}\n\n{listed}\n"


def _title(text: str) -> str:
    return f"{text}\n{'=' * len(text)}\n"
