"""What a search found: a row a trial, the importance of parameters, and a page of both."""

import warnings
from pathlib import Path
from string import Template

import optuna
from matplotlib.figure import Figure
from optuna.trial import FrozenTrial, TrialState

from cnnkit import atomic, report
from cnnkit.plots import png
from cnnkit.report.markup import drawing, escape, facts, section, table
from cnnkit.search import figures, ledger
from cnnkit.search.search import Search

REPORT = Path(report.__file__).parent  # has the frame and the style of every page
FEWEST = 4  # complete trials from which the importance of parameters is told


def rows(search: Search) -> list[dict]:
    """Return a dict for each planned trial, those that no other one beats first.

    Args:
        search: The search.

    Returns:
        Dicts with `trial`, `state`, each objective, each parameter, `seconds` and `run`; None where
        a trial has none.
    """
    study = search.study
    objectives = study.user_attrs["objectives"]
    attempts = ledger.attempts(study)
    names = dict.fromkeys(name for each in attempts.values() for name in each.params)
    best = [trial.number for trial in search.best]

    def order(pair):
        root, trial = pair
        if trial.state is not TrialState.COMPLETE:
            return (2, 0.0, root)
        sign = -1 if study.directions[0] is optuna.study.StudyDirection.MAXIMIZE else 1
        return (int(trial.number not in best), sign * trial.values[0], root)

    return [
        {"trial": root, "state": _state(trial)}
        | dict(zip(objectives, trial.values or [None] * len(objectives), strict=True))
        | {name: trial.params.get(name) for name in names}
        | {
            "seconds": trial.duration.total_seconds() if trial.duration else None,
            "run": trial.user_attrs.get(ledger.RUN),
        }
        for root, trial in sorted(attempts.items(), key=order)
    ]


def importances(search: Search) -> dict[str, float]:
    """Return how much each parameter mattered for the first objective, by Optuna's fANOVA.

    Args:
        search: The search.

    Returns:
        Shares of the variance, the largest first; {} where too few trials are complete, or where no
        parameter is in all of them.
    """
    study = search.study
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    values = {trial.values[0] for trial in complete}
    if len(complete) < FEWEST or len(values) < 2:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Optuna says which evaluator it likes
        return optuna.importance.get_param_importances(
            study, target=lambda trial: trial.values[0],
            evaluator=optuna.importance.FanovaImportanceEvaluator(seed=0),
        )  # fmt: skip


def pictures(search: Search) -> dict[str, Figure]:
    """Return what there is to draw of a search.

    Args:
        search: The search.

    Returns:
        Figures by name: "history" or, with several objectives, "pareto"; "importance". Those that
        need more trials than there are are left out.
    """
    study = search.study
    names = study.user_attrs["objectives"]
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    found: dict[str, Figure] = {}
    if complete:
        numbers = [ledger.root_of(trial) for trial in complete]
        if len(names) == 1:
            complete = sorted(complete, key=ledger.root_of)
            maximize = study.directions[0] is optuna.study.StudyDirection.MAXIMIZE
            values = [trial.values[0] for trial in complete]
            found["history"] = figures.history(sorted(numbers), values, names[0], maximize=maximize)
        else:
            front = [ledger.root_of(trial) for trial in search.best]
            values = [trial.values for trial in complete]
            found["pareto"] = figures.pareto_front(values, numbers, front, names)
    shares = importances(search)
    if shares:
        found["importance"] = figures.importances(shares)
    return found


def write(search: Search) -> list[Path]:
    """Write a search's pictures and its page into its folder.

    Args:
        search: The search.

    Returns:
        The files: PNGs, and search.html, which needs no network.
    """
    drawn = pictures(search)
    search.folder.mkdir(parents=True, exist_ok=True)
    paths = [search.folder / f"{name}.png" for name in drawn]
    for path, figure in zip(paths, drawn.values(), strict=True):
        atomic.write_bytes(path, png(figure))
    page = search.folder / "search.html"
    atomic.write_text(page, _page(search, drawn))
    return [*paths, page]


TITLES = {
    "history": "Trial by trial",
    "pareto": "Pareto front: no trial is better in both",
    "importance": "Importance of the parameters",
}


def _page(search: Search, drawn: dict[str, Figure]) -> str:
    known, all_rows = search.study.user_attrs, rows(search)
    done = sum(row["state"] in ("complete", "pruned") for row in all_rows)
    about = {
        "experiment": known["experiment"],
        "space": known["space"],
        "fixed settings": ", ".join(f"{k}={v}" for k, v in known["settings"].items()),
        "objectives": ", ".join(known["objectives"]),
        "trials": f"{done} of {ledger.planned(search.study)} done",
        "chosen run": search.best[0].user_attrs.get(ledger.RUN) if search.best else None,
    }
    headings = list(all_rows[0]) if all_rows else []
    cells = [[shown(row[name]) for name in headings] for row in all_rows]
    parts = [f"<header><h1>Search {escape(search.name)}</h1>{facts(about)}</header>"]
    for name, figure in drawn.items():
        parts.append(section(TITLES[name], drawing(figure, name, TITLES[name])))
    parts.append(section("Trials", table("The best first", headings, cells)))
    return Template((REPORT / "page.html").read_text()).substitute(
        title=escape(f"Search {search.name}"),
        style=(REPORT / "style.css").read_text(),
        body="\n".join(parts),
    )


def shown(value) -> str:
    """Return a value as a table shows it.

    Args:
        value: Of a row.

    >>> shown(0.123456789), shown(1234567), shown(None)
    ('0.1235', '1,234,567', '')
    """
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    return f"{int(value):,}" if value == int(value) and abs(value) >= 1 else f"{value:.4g}"


def _state(trial: FrozenTrial) -> str:
    if trial.state is TrialState.FAIL:
        return f"failed: {trial.user_attrs.get(ledger.ERROR, 'its worker ended')}"
    return trial.state.name.lower()
