"""The results table that a repository keeps: written from run folders, never typed."""

import shlex

from cnnkit.comparison.comparison import Comparison
from cnnkit.comparison.forms import markdown_table, with_interval
from cnnkit.comparison.groups import Group

HEADINGS = (
    "command", "seeds", "test score (95 % interval)", "over", "parameters", "minutes a run", "machine",
)  # fmt: skip
VALUED = ("--seed", "--seeds", "--name", "--runs-dir")  # options that are not part of the recipe


def results_page(comparison: Comparison, command: str) -> str:
    """Return a page in Markdown with a row for each line of a comparison.

    Args:
        comparison: The comparison.
        command: The command that writes the page again.

    Returns:
        The page, with a line break at its end.
    """
    groups = sorted((line.group for line in comparison.lines), key=_order)
    rows = [
        [
            f"`{command_of(group)}`",
            ", ".join(map(str, group.seeds)),
            with_interval(group.test),
            group.interval_over,
            f"{group.first.facts.get('parameters') or 0:,}",
            "" if group.seconds is None else f"{group.seconds / 60:.2f}",
            machine_of(group),
        ]
        for group in groups
    ]
    remarks = "".join(f"\n{remark}\n" for remark in comparison.left_out)
    return (
        "# Results\n\n"
        f"Written by `{command}` from the run folders; do not edit.\n\n"
        f"{markdown_table(HEADINGS, rows)}\n\n"
        "Intervals over seeds are Student's t intervals of the mean; that of a single run is Wilson's "
        f"over its test items. Minutes are those of training with validation.\n{remarks}"
    )


def command_of(group: Group) -> str:
    """Return the command that makes a group's runs again.

    Args:
        group: The runs.

    Returns:
        The recorded command without what names its run, and with the seeds.
    """
    recorded = str(group.first.facts.get("recipe.command") or "")
    kept, words = [], iter(_words(recorded))
    for word in words:
        name, has_value, _ = word.partition("=")
        if name not in VALUED:
            kept.append(word)
        elif not has_value:
            next(words, None)
    return shlex.join([*kept, *_seed_options(group.seeds)])


def machine_of(group: Group) -> str:
    """Return what a group's runs ran on, in words.

    Args:
        group: The runs.

    Returns:
        Processor, cores, other devices and backend; each machine once.
    """
    machines = {}
    for row in group.rows:
        facts = row.facts
        devices = str(facts.get("environment.devices") or "").split(", ")
        others = [each for each in devices if each and not each.lower().startswith("cpu")]
        cores, backend = facts.get("environment.cores"), facts.get("backend")
        name = facts.get("processor") or facts.get("environment.platform") or "unknown"
        parts = [str(name), f"{cores} cores" if cores else "", *others, str(backend or "")]
        machines[", ".join(filter(None, parts))] = None
    return "; ".join(machines)


def _order(group: Group) -> tuple[str, str, float]:
    return str(group.first.facts.get("dataset")), group.first.experiment, -group.test.mean


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError:
        return [command]
    # `python -m cnnkit` or a test records another program than the one that a reader types.
    return ["cnnkit", *words[1:]] if words[1:2] == ["run"] else words


def _seed_options(seeds: tuple[int, ...]) -> list[str]:
    first, count = seeds[0], len(seeds)
    if seeds != tuple(range(first, first + count)):
        return ["--seed", "|".join(map(str, seeds))]
    options = ["--seeds", str(count)] if count > 1 else []
    return options + (["--seed", str(first)] if first or count == 1 else [])
