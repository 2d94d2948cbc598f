"""`cnnkit.explore`: the explorer of a run in a notebook or a script."""

import os

from cnnkit.errors import SettingError
from cnnkit.explorer.keras_engine import KerasEngine
from cnnkit.explorer.opened_run import OpenedRun, open_run
from cnnkit.explorer.server import Explorer
from cnnkit.runs.run import Run


def explore(
    run: Run | str | os.PathLike, *, against: Run | str | os.PathLike | None = None, port: int = 0
) -> Explorer:
    """Serve a page on this machine in which a reader walks through a run's network.

    A notebook shows the page in place. It is served until the process ends or `close()` is called.

    Args:
        run: A run of a network of pictures, or its folder.
        against: Another run, whose network answers the same pictures beside it.
        port: The port; 0 for a free one.

    Returns:
        The server; its `address` opens in a browser on this machine.

    Raises:
        SettingError: The network does not classify pictures, or the second takes others.
        RunFolderError: A run has no model, or its folder is damaged.
    """
    opened = open_run(_run(run))
    other = open_run(_run(against)) if against is not None else None
    return serve(opened, other, port)


def serve(opened: OpenedRun, other: OpenedRun | None = None, port: int = 0) -> Explorer:
    """Serve the page of a network.

    Args:
        opened: The network.
        other: Another one, for the same pictures.
        port: The port; 0 for a free one.

    Returns:
        The server.

    Raises:
        SettingError: The two networks take different pictures or name different classes.
    """
    engine = KerasEngine(opened.model, opened.document)
    if other is None:
        return Explorer(engine, port=port)
    expect_alike(opened, other)
    return Explorer(engine, KerasEngine(other.model, other.document), port)


def expect_alike(one: OpenedRun, other: OpenedRun) -> None:
    """Raise where two networks cannot stand side by side.

    Args:
        one: A network.
        other: Another one.

    Raises:
        SettingError: They take different pictures or name different classes.
    """
    for what, name in (("pictures", "preparation"), ("classes", "classNames")):
        first, second = (each.document.network[name] for each in (one, other))
        if first != second:
            raise SettingError(
                f"{other.document.network['name']!r} cannot stand beside "
                f"{one.document.network['name']!r}: their {what} differ; name a run on the same data."
            )


def _run(run: Run | str | os.PathLike) -> Run:
    return run if isinstance(run, Run) else Run(run)
