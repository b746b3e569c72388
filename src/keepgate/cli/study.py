"""Optuna's study of a search in its file: new or gone on with, its trials that ended, and the best of them."""

from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from ..errors import BundleError, SettingsError
from .train_options import Options

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial


def study_file(options: Options) -> Path:
    """Where the study of a search with this --out is kept."""
    return options.work / "study.log"


def open_study(options: Options, what: Mapping[str, Any]) -> "Study":
    """The study of a search, new or gone on with; trials that were cut off when it was stopped are tried again.

    what: by which it is told from other searches, as JSON values. Raises SettingsError without Optuna, for a study of
    another search, and for one that is there without --resume, BundleError for a file that is none.
    """
    file = study_file(options)
    if file.exists() and not options.resuming:
        raise SettingsError(
            f"{file} is of a search that was begun; go on with it by --resume, or remove {file.parent}"
        )
    study, trials = _opened(file, options.seed)
    before = study.user_attrs.get("what", what)
    if before != what:
        name = next(name for name in before | what if before.get(name) != what.get(name))
        then, now = (plain.get(name, "not given") for plain in (before, what))
        raise SettingsError(
            f"{file} is of a search with another {name}: then {then}, now {now}; give another --out, or remove "
            f"{file.parent}"
        )
    study.set_user_attr("what", what)
    for trial in trials:
        if trial.state.name == "RUNNING":
            study.tell(trial.number, state=type(trial.state).FAIL)
            study.enqueue_trial(trial.params)
    return study


def _opened(file: Path, seed: int) -> "tuple[Study, list[FrozenTrial]]":
    """A study in this file and its trials. Raises as `open_study`."""
    try:
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend
    except ImportError as missing:
        raise SettingsError(
            "--tune needs optuna, which is not installed; run: pip install 'keepgate[tune]'"
        ) from missing
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        study = optuna.create_study(
            storage=JournalStorage(JournalFileBackend(str(file))), study_name="keepgate", direction="maximize",
            sampler=optuna.samplers.TPESampler(seed=seed), load_if_exists=True,
        )  # fmt: skip
        return study, study.get_trials(deepcopy=False)
    except (ValueError, KeyError, TypeError, AssertionError) as fault:
        raise BundleError(
            f"{file} is no study of --tune ({fault}); remove {file.parent} to begin again"
        ) from fault


def finished(study: "Study") -> dict[int, Any]:
    """The trials that came to an end, by their numbers; one that was cut off has neither value nor fault."""
    return {
        trial.number: trial
        for trial in study.get_trials(deepcopy=False)
        if trial.value is not None or "fault" in trial.user_attrs
    }


def best_first(study: "Study") -> list[Any]:
    """The trials that have a score, the best of them first."""
    scored = [trial for trial in study.get_trials(deepcopy=False) if trial.value is not None]
    return sorted(scored, key=lambda trial: -trial.value)


def by_settings(study: "Study", apart: str) -> list[list[Any]]:
    """The trials of each combination of settings that have a score, one for each value of `apart`, best means first."""
    groups: dict[tuple[Any, ...], dict[Any, Any]] = {}
    for trial in best_first(study):
        settings = trial.user_attrs["settings"]
        others = tuple((name, settings[name]) for name in settings if name != apart)
        groups.setdefault(others, {}).setdefault(settings.get(apart), trial)
    lists = [[*trials.values()] for trials in groups.values()]
    return sorted(lists, key=lambda trials: -fmean(trial.value for trial in trials))
