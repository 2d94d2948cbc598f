"""The study of a search: made once, and joined by whoever searches the same experiment."""

import hashlib
from collections.abc import Callable, Mapping
from importlib.metadata import version

import optuna

from cnnkit import atomic
from cnnkit.errors import SettingError, UnknownNameError
from cnnkit.keras_import import import_keras
from cnnkit.search.names import OBJECTIVES
from cnnkit.search.space import Space
from cnnkit.search.storage import SearchStorage
from cnnkit.user_code.source import source_text

# What a study says of the search, and how a difference is told.
IDENTITY = {
    "experiment": "is of the experiment {then!r}, and not of {now!r}",
    "source": "is of another version of the experiment's file, which has changed since",
    "space": "has the space ({then}), and not ({now})",
    "settings": "has the settings {then}, and not {now}",
    "objectives": "has the objectives {then}, and not {now}",
    "versions": "was begun with {then}, and not {now}",
}
DATA = "data"  # the attribute with the hash of the data, which the first trial writes


class OtherDataError(SettingError):
    """A worker has other data than the search."""


def identity(
    function: Callable, name: str, space: Space, settings: Mapping, objectives: tuple[str, ...]
) -> dict:
    """Return what has to be the same of all who take part in a search.

    Args:
        function: The experiment's function.
        name: The experiment's name.
        space: What is searched.
        settings: Those that no trial varies.
        objectives: What is searched for.

    Returns:
        What JSON can hold, by the names of IDENTITY.
    """
    return atomic.as_read(
        {
            "experiment": name,
            "source": hashlib.sha256(source_text(function)).hexdigest(),
            "space": str(space),
            "settings": dict(settings),
            "objectives": list(objectives),
            "versions": {name: version(name) for name in ("cnnkit", "keras")}
            | {"backend": import_keras().backend.backend()},
        }
    )


def join(storage: SearchStorage, name: str, who: Mapping, sampler, pruner) -> optuna.Study:
    """Return a search's study, which is made if there is none of its name.

    Args:
        storage: Where it is kept.
        name: The search's name.
        who: What `identity` returned.
        sampler: Optuna's sampler.
        pruner: Optuna's pruner.

    Returns:
        The study.

    Raises:
        SettingError: The study of that name is another search's.
    """
    study = optuna.create_study(
        storage=storage,
        study_name=name,
        directions=directions(tuple(who["objectives"])),
        sampler=sampler,
        pruner=pruner,
        load_if_exists=True,
    )
    known = study.user_attrs
    if not study.get_trials(deepcopy=False) and "experiment" not in known:
        for key, value in who.items():
            study.set_user_attr(key, value)
        return study
    for key, words in IDENTITY.items():
        if known.get(key) != who[key]:
            difference = words.format(then=known.get(key), now=who[key])
            raise SettingError(
                f"There is a search named {name!r} already, which {difference}: give this one "
                "another --name."
            )
    return study


def directions(objectives: tuple[str, ...]) -> list[optuna.study.StudyDirection]:
    """Return whether the highest or the lowest is the best, for each objective.

    Args:
        objectives: Their names.

    Returns:
        A direction each.

    Raises:
        UnknownNameError: There is no such objective.
        SettingError: There is none at all, or one twice.
    """
    for name in objectives:
        if name not in OBJECTIVES:
            raise UnknownNameError("objective", name, OBJECTIVES)
    if not objectives or len(set(objectives)) < len(objectives):
        raise SettingError(
            f"A search has one or several objectives, each once, not {', '.join(objectives)}."
        )
    return [optuna.study.StudyDirection[OBJECTIVES[name].upper()] for name in objectives]


def best_trials(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    """Return the trials that no other one beats: one, or with several objectives the Pareto front.

    Args:
        study: The study.

    Returns:
        The trials, the best in the first objective first; none before one is complete.
    """
    sign = -1 if study.directions[0] is optuna.study.StudyDirection.MAXIMIZE else 1
    complete = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
    if not complete:
        return []
    front = study.best_trials if len(study.directions) > 1 else [study.best_trial]
    return sorted(front, key=lambda trial: (sign * trial.values[0], trial.number))


def refuse_other_data(study: optuna.Study, content_hash: str | None) -> None:
    """Refuse to train on other data than the trials before.

    Args:
        study: The study, which notes the data of the first trial.
        content_hash: Of this worker's data; None where they have none.

    Raises:
        OtherDataError: The data differ.
    """
    known = study.user_attrs.get(DATA)
    if known is None:
        study.set_user_attr(DATA, content_hash)
    elif known != content_hash:
        raise OtherDataError(
            f"The search {study.study_name!r} is on data with the hash {known[:12]}, and here they "
            f"have {str(content_hash)[:12]}: bring the same data to this machine."
        )
