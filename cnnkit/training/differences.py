"""What differs between a run and its continuation: recipe, data, versions, machine."""

from pathlib import Path

from cnnkit import atomic
from cnnkit.errors import SettingError
from cnnkit.runs import Run
from cnnkit.runs.differences import LEFT_OUT, compared
from cnnkit.training.distribution.replicas import active
from cnnkit.training.environment import environment

RAN_ON = ("backend", "devices", "cores", "threads", "precision")
DATA_FILES = (".csv", ".tsv", ".parquet", ".npz", ".npy")
VERSIONS = ("python", "cnnkit", "keras", "numpy")


def changes_since(
    run: Run, recipe: dict, content_hash: str | None, *, allowed: bool, ignored: tuple = ()
) -> list[tuple[str, str, str]]:
    """Return what differs now of all that could change a training's numbers.

    Args:
        run: The run to resume.
        recipe: What experiment.json would say now.
        content_hash: Of the data as they are now; None where they have none. Where it is the run's,
            other names and places of the data are no difference.
        allowed: Whether changes are accepted.
        ignored: Parts of the recipe that may differ, such as "optimizer.config.learning_rate".

    Returns:
        A tuple for each difference: (what, value in the run, value now).

    Raises:
        SettingError: Something differs and that is not allowed; the message has a table of it.
    """
    found = differences(run, recipe, content_hash)
    changes = [each for each in found if each[0] not in ignored]
    if changes and not allowed:
        raise SettingError(
            f"{run.folder} cannot be resumed exactly, because something has changed; "
            f"--allow-changes goes on all the same:\n{as_table(changes)}"
        )
    return changes


def differences(run: Run, recipe: dict, content_hash: str | None) -> list[tuple[str, str, str]]:
    """Return what differs between a run and now: recipe, data, versions, machine.

    Args:
        run: The run.
        recipe: As of `changes_since`.
        content_hash: As of `changes_since`.

    Returns:
        A tuple for each difference: (what, value in the run, value now).
    """
    then, now = run.experiment, atomic.as_read(recipe)
    hash_then = run.dataset["content_hash"]
    modules = [_own_modules(each) for each in (then, now)]
    recipes = ({k: v for k, v in each.items() if k not in LEFT_OUT} for each in (then, now))
    replicas = active()
    sharing = {} if replicas is None else {"distribution": {"devices": list(replicas.names)}}
    ran_on = run.environment, atomic.as_read(environment(recipe["seed"]) | sharing)
    found = [
        *compared("", *recipes),
        *compared("the data's content", hash_then, content_hash),
        *compared("", *map(_machine, ran_on)),
    ]
    same_data = content_hash is not None and hash_then == content_hash
    return [
        (what, _short(before), _short(after))
        for what, before, after in found
        if not (before in modules[0] and after in modules[1] and what.endswith(".module"))
        and not (same_data and _is_place_of_data(what, after))
    ]


def _own_modules(recipe: dict) -> tuple:
    """Return how Keras names the module of the experiment's own classes; of a script, None."""
    module = recipe.get("source", {}).get("module")
    return (module, None) if module == "__main__" else (module,)


def _is_place_of_data(what: str, value) -> bool:
    """Return whether a part of the recipe says where data lie, or what they are called there."""
    if what == "data":
        return True
    if not what.startswith("settings.") or not isinstance(value, str):
        return False
    path = Path(value)
    is_run = (path / "experiment.json").exists()  # a teacher, say
    return (path.is_dir() and not is_run) or (path.is_file() and path.suffix in DATA_FILES)


def as_table(rows: list[tuple[str, str, str]]) -> str:
    """Return rows as aligned text, a line each, below a heading.

    Args:
        rows: (what, then, now) each.
    """
    rows = [("what", "then", "now"), *rows]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    return "\n".join(
        f"  {what:{widths[0]}}  {then:{widths[1]}}  {now}".rstrip() for what, then, now in rows
    )


def _machine(environment: dict) -> dict:
    known = {name: environment.get(name) for name in RAN_ON}
    sharing = environment.get("distribution") or {}
    known["devices that share a batch"] = sharing.get("devices")
    versions = environment["versions"]
    for name in (*VERSIONS, environment["backend"]):
        known[f"version of {name}"] = versions.get(name)
    return known


def _short(value) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
