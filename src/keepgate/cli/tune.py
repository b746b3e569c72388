"""keepgate train NAME … --tune N: settings drawn by Optuna, each trained in a process of its own, and the best kept."""

import os
import shutil
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from rich.console import Console

from ..errors import SettingsError
from ..wording import count_of, sanitize
from .console import make_console, print_command, print_text
from .evaluate import metric_text
from .inputs import at_least_one
from .search_space import SEED, Space, size_of, space_from, without_seed
from .settings import NONE, split, toml_of
from .study import best_first, by_settings, finished, open_study, study_file
from .train import refuse_taken
from .train_options import Options
from .trials import Job, listed, run_trials

if TYPE_CHECKING:
    from optuna import Study

    from ..tasks import TaskKind

_SPACE_FORM = "NAME = [VALUES], or NAME = { low = …, high = … }, for each setting to try"


def tune(job: Job) -> None:
    """Trains with different settings, says how good each is on --dev, and keeps the best model and its settings.

    Raises SettingsError without --dev or Optuna, for a space that is none, and if every trial failed.
    """
    console, options = make_console(), job.options
    total = options.tune or 0
    at_least_one(tune=options.tune, jobs=options.jobs)
    if not options.dev:
        raise SettingsError("--tune chooses settings by --dev; give it data that is not trained on")
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise SettingsError("--tune starts its own processes; run it without torchrun (--jobs says how many)")
    _refuse_taken(options)
    corpus = job.command.read(job.data, job.columns, job.options.work)
    print_text(console, sanitize(corpus.account(0)))
    kind, reason = job.command.detect(corpus, job.kind)
    if reason:
        print_text(console, reason)
    space = _space(job, kind)
    fixed = _fixed(options, kind.task.settings_type)
    fixed |= {"kind": kind.name, "seed": options.seed, "vectors": options.vectors, **job.columns}
    description = {
        "command": job.command.name,
        "data": [str(path) for path in (*job.data, *options.dev)],
        "space": {name: str(values) for name, values in space.items()},
        # Threads are for speed alone.
        **{name: str(value) for name, value in fixed.items() if value is not None and name != "threads"},
    }
    study = open_study(options, description)
    total = min(total, size_of(space) or total)
    every = "all " if total < (options.tune or 0) else ""
    words = "; ".join(f"{name} {values}" for name, values in space.items())
    trying = f"Trying {every}{count_of(total, 'settings')} of a {kind.title}, {job.most} at a time: {words}."
    print_text(console, trying)
    try:
        for line in run_trials(job, study, space, total, _defaults(space, kind, len(corpus.items))):
            print_text(console, line)
    except KeyboardInterrupt as stop:
        message = (
            f"stopped after {len(finished(study))} of {total} trials; the same command with --resume goes on"
        )
        raise KeyboardInterrupt(message) from stop
    _keep_best(console, job, kind, study)


def _refuse_taken(options: Options) -> None:
    """Raises SettingsError if the search would replace a model or a file of settings that no search here wrote."""
    file = _settings_file(options)
    paths = [*([options.out] if refuse_taken(options) else []), *([file] if file.exists() else [])]
    if paths and not study_file(options).exists():
        raise SettingsError(
            f"{paths[0]} is there already, and no search of --tune wrote it; give another --out, or remove it"
        )


def _settings_file(options: Options) -> Path:
    return options.out.with_name(f"{options.out.name}.toml")


def _space(job: Job, kind: "TaskKind") -> Space:
    """What is tried: --space, or what stands beside the task, without the settings that are given."""
    options, settings_type = job.options, kind.task.settings_type
    where = f"--space {options.space}:"
    if options.space is None:
        table = job.command.space[kind.name]
    else:
        table = toml_of("--space", options.space, _SPACE_FORM)
    space = space_from(table, settings_type, where)
    fixed = _fixed(options, settings_type)
    free = {name: values for name, values in space.items() if name not in fixed}
    if not free:
        raise SettingsError(
            f"every setting to try is given already: {', '.join(space)}; leave one out, or name others with --space"
        )
    return free


def _fixed(options: Options, settings_type: type) -> dict[str, Any]:
    """The settings that the command gives, which every trial has."""
    for_task, for_training = split(options.pairs, settings_type, options.settings)
    config = {name: value for name, value in options.config().items() if value is not None and name != "seed"}
    return for_task | for_training | config


def _defaults(space: Space, kind: "TaskKind", items: int) -> dict[str, Any]:
    """The settings that a training without --tune takes, as far as they are in the space: these are tried first."""
    from ..train.recipes import recipe

    values = asdict(recipe(kind.name, items)) | asdict(kind.task.settings_type())
    return {name: values[name] for name, tried in without_seed(space).items() if values[name] in tried}


def _keep_best(console: Console, job: Job, kind: "TaskKind", study: "Study") -> None:
    """Moves the best model to its place, writes its settings beside it, and says so."""
    import tomli_w

    from ..export.file import write_file

    options, ranked = job.options, best_first(study)
    if not ranked:
        faults = [trial.user_attrs["fault"] for trial in finished(study).values()]
        raise SettingsError(f"none of {len(faults)} trials came to its end; the first: {faults[0]}")
    best = ranked[0].user_attrs
    settings = _fixed(options, kind.task.settings_type) | best["settings"]
    seed = settings.pop(SEED, options.seed)
    file = _settings_file(options)
    plain = {name: NONE if value is None else value for name, value in settings.items()}
    head = f"# The best of {len(ranked)} settings that were tried: {best['score']} on --dev, with --seed {seed}.\n"
    write_file(file, (head + tomli_w.dumps(plain)).encode())
    model = options.work / "best"
    if model.exists():
        shutil.rmtree(options.out, ignore_errors=True)
        model.replace(options.out)
    print_text(console, f"Best of {len(ranked)}: {best['score']} with {listed(best['settings'])}.")
    for sentence in _over_seeds(study):
        print_text(console, sentence)
    if not options.out.exists():
        print_text(
            console,
            f"Its model was removed; train it again with --settings {file} --seed {seed} instead of --tune.",
        )
        return
    print_text(console, f"Written to {options.out}, its settings to {file} (for --settings). Now use it:")
    print_command(console, kind.usage(options.out).replace("…", "..."))


def _over_seeds(study: "Study") -> list[str]:
    """Mean and range over the seeds of the best trial's settings, and of those with the best mean; none of one seed."""
    groups = by_settings(study, SEED)
    best = best_first(study)[0]
    own = next(trials for trials in groups if any(trial.number == best.number for trial in trials))
    shown = [own] if own is groups[0] else [own, groups[0]]
    return [_of_seeds(trials) for trials in shown if len(trials) > 1]


def _of_seeds(trials: "list[Any]") -> str:
    """Mean and range of some trials that differ in their seeds."""
    from ..tasks.measure import Metric

    settings = without_seed(trials[0].user_attrs["settings"])
    metric = Metric(name="", title="", unit=trials[0].user_attrs["unit"])
    values = sorted(abs(trial.value) for trial in trials)
    low, mean, high = (metric_text(metric, value) for value in (values[0], fmean(values), values[-1]))
    those = f" of {listed(settings)}" if settings else ""
    return f"Over {len(values)} seeds{those}: mean {mean}, {low} to {high}."
