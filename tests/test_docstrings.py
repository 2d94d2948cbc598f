"""Every public name says what it takes: each argument stands in its docstring."""

import inspect
import re

import pytest

import cnnkit

pytestmark = pytest.mark.once


def public():
    """Each public function and class with its dotted name, and the public methods of classes."""
    seen = set()
    packages = [cnnkit, *(getattr(cnnkit, name) for name in cnnkit.__all__)]
    for package in filter(inspect.ismodule, packages):
        for name in getattr(package, "__all__", ()):
            thing = getattr(package, name)
            if (
                not callable(thing)
                or id(thing) in seen
                or thing.__module__.split(".")[0] != "cnnkit"
            ):
                continue
            seen.add(id(thing))
            yield f"{package.__name__}.{name}", thing
            if inspect.isclass(thing):
                for method, function in vars(thing).items():
                    if inspect.isfunction(function) and not method.startswith("_"):
                        yield f"{package.__name__}.{name}.{method}", function


PUBLIC = dict(public())


def arguments_of(thing):
    """The names of what a caller gives, without self and catch-alls."""
    if inspect.isclass(thing) and thing.__init__ is object.__init__:
        return []
    catch_all = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters = inspect.signature(thing).parameters.values()
    return [each.name for each in parameters if each.kind not in catch_all and each.name != "self"]


def section(docstring, *titles):
    """The names that a Google-style section lists."""
    found = []
    for title in titles:
        match = re.search(rf"^ *{title}:\n((?: +.*\n?|\n)*)", docstring or "", re.MULTILINE)
        if match:
            indent = re.match(r" *", match[1])[0]
            entries = re.findall(
                rf"^{indent}(\*{{0,2}}\w+(?:, \w+)*)(?: \(.*?\))?:", match[1], re.MULTILINE
            )
            found += [name for entry in entries for name in re.split(r", ", entry)]
    return found


def overridden(thing):
    """Whether a method is one of Keras' own, whose documentation explains the arguments."""
    owner = thing.__qualname__.split(".")[0]
    bases = getattr(inspect.getmodule(thing), owner, object).__mro__[1:]
    return any(hasattr(base, thing.__name__) for base in bases)


@pytest.mark.parametrize("name", PUBLIC)
def test_each_argument_stands_in_the_docstring(name):
    thing = PUBLIC[name]
    assert thing.__doc__, f"{name} has no docstring"
    if not inspect.isclass(thing) and "." in thing.__qualname__ and overridden(thing):
        return
    explained = section(inspect.getdoc(thing) + "\n", "Args", "Attributes")
    assert set(arguments_of(thing)) <= set(explained), name
