"""keepgate train NAME … --tune N: settings drawn by Optuna, each trained in a process of its own, and the best kept."""

import contextlib
import math
import multiprocessing
import os
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from rich.console import Console

from ..errors import BundleError, SettingsError
from ..wording import count_of, sanitize
from .console import make_console, one_line, print_command, print_text
from .exit_codes import fault_of
from .inputs import at_least_one
from .search_space import Space, Values, space_from
from .settings import NONE, split, toml_of
from .train import Options, Score, refuse_taken

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial

    from ..tasks import TaskKind

_SPACE_FORM = "NAME = [VALUES], or NAME = { low = …, high = … }, for each setting to try"


class Command(Protocol):
    """A training command, as a process of its own is given it: its fields are plain values."""

    @property
    def name(self) -> str: ...
    @property
    def space(self) -> Mapping[str, Mapping[str, Any]]: ...
    def read(self, paths: Sequence[Path], columns: Mapping[str, str | None]) -> Any: ...
    def detect(self, corpus: Any, kind: str) -> "tuple[TaskKind, str]": ...
    def train(
        self, data: Sequence[Path], options: Options, kind: str, columns: Mapping[str, str | None]
    ) -> Score | None: ...


@dataclass(frozen=True, kw_only=True)
class Job:
    """What every trial of a search has in common. kind, columns: as the command was told them."""

    command: Command
    data: Sequence[Path]
    options: Options
    kind: str
    columns: Mapping[str, str | None]

    @property
    def most(self) -> int:
        """Trials that run side by side: as many as --jobs says, else as processors have threads for."""
        return self.options.jobs or max(1, (os.cpu_count() or 1) // (self.options.threads or 1))

    def of_trial(self, number: int, settings: Mapping[str, Any]) -> "Job":
        """The job with these settings, in the folder of this trial."""
        pairs = tuple(f"{name}={value}" for name, value in settings.items())
        options, board = self.options, self.options.tensorboard
        own = replace(
            options,
            out=options.work / "trials" / str(number) / "model",
            set_=(*options.set_, *pairs),
            threads=options.threads or 1,
            tune=None,
            resume=False,
            tensorboard=None if board is None else board / str(number),
        )
        return replace(self, options=own)


@dataclass(frozen=True, kw_only=True)
class _Running:
    trial: "Trial"
    settings: Mapping[str, Any]
    job: Job
    process: BaseProcess
    receiver: Connection


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
    corpus = job.command.read(job.data, job.columns)
    print_text(console, sanitize(corpus.account(0)))
    kind, reason = job.command.detect(corpus, job.kind)
    if reason:
        print_text(console, reason)
    space = _space(job, kind)
    study = _study(job, space)
    if not study.trials:
        study.enqueue_trial(_defaults(space, kind, len(corpus.items)))
    words = "; ".join(f"{name} {values}" for name, values in space.items())
    print_text(
        console, f"Trying {count_of(total, 'settings')} of a {kind.title}, {job.most} at a time: {words}."
    )
    try:
        for line in _trials(job, study, space, total):
            print_text(console, line)
    except KeyboardInterrupt as stop:
        message = (
            f"stopped after {len(_finished(study))} of {total} trials; the same command with --resume goes on"
        )
        raise KeyboardInterrupt(message) from stop
    _keep_best(console, job, kind, study)


def _refuse_taken(options: Options) -> None:
    """Raises SettingsError if the search would replace a model or a file of settings that no search here wrote."""
    file = _settings_file(options)
    taken = [*([options.out] if refuse_taken(options) else []), *([file] if file.exists() else [])]
    if taken and not _study_file(options).exists():
        raise SettingsError(
            f"{taken[0]} is there already, and no search of --tune wrote it; give another --out, or remove it"
        )


def _settings_file(options: Options) -> Path:
    return options.out.with_name(f"{options.out.name}.toml")


def _study_file(options: Options) -> Path:
    return options.work / "study.log"


def _space(job: Job, kind: "TaskKind") -> Space:
    """What is tried: --space, or what stands beside the task, without the settings that are given."""
    options, settings_type = job.options, kind.task.settings_type
    where = f"--space {options.space}:"
    if options.space is None:
        table = job.command.space[kind.name]
    else:
        table = toml_of("--space", options.space, _SPACE_FORM)
    space = space_from(table, settings_type, where)
    for_task, for_training = split(options.set_, settings_type, options.settings)
    fixed = {
        *for_task,
        *for_training,
        *(name for name, value in options.config().items() if value is not None),
    }
    free = {name: values for name, values in space.items() if name not in fixed}
    if not free:
        raise SettingsError(
            f"every setting to try is given already: {', '.join(space)}; leave one out, or name others with --space"
        )
    return free


def _defaults(space: Space, kind: "TaskKind", items: int) -> dict[str, Any]:
    """The settings that a training without --tune takes, as far as they are in the space: these are tried first."""
    from ..train.recipes import recipe

    values = asdict(recipe(kind.name, items)) | asdict(kind.task.settings_type())
    return {name: values[name] for name, tried in space.items() if values[name] in tried}


def _study(job: Job, space: Space) -> "Study":
    """The search in its file, new or gone on with; what was cut off when it was stopped is tried again.

    Raises SettingsError if the file is of another search, or as `_opened`.
    """
    options, file = job.options, _study_file(job.options)
    if file.exists() and not options.resuming:
        raise SettingsError(
            f"{file} is of a search that was begun; go on with it by --resume, or remove {file.parent}"
        )
    what = {
        "command": job.command.name,
        "data": [str(path) for path in (*job.data, *options.dev)],
        "space": {name: str(values) for name, values in space.items()},
    }
    study, trials = _opened(file, options.seed)
    before = study.user_attrs.get("what", what)
    if before != what:
        name = next(name for name in what if before.get(name) != what[name])
        raise SettingsError(
            f"{file} is of a search with another {name}, {before.get(name)}; give another --out, or remove "
            f"{file.parent}"
        )
    study.set_user_attr("what", what)
    for trial in trials:
        if trial.state.name == "RUNNING":
            study.tell(trial.number, state=type(trial.state).FAIL)
            study.enqueue_trial(trial.params)
    return study


def _opened(file: Path, seed: int) -> "tuple[Study, list[FrozenTrial]]":
    """A study in this file and its trials. Raises SettingsError without Optuna, BundleError if the file is none."""
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


def _finished(study: "Study") -> dict[int, Any]:
    """The trials that came to an end, by their numbers; one that was cut off has neither value nor fault."""
    return {
        trial.number: trial
        for trial in study.get_trials(deepcopy=False)
        if trial.value is not None or "fault" in trial.user_attrs
    }


def _trials(job: Job, study: "Study", space: Space, total: int) -> Iterator[str]:
    """Runs trials until there are so many; a line about each that ended."""
    import optuna

    running: list[_Running] = []
    distributions = {name: values.distribution() for name, values in space.items()}
    try:
        while (ended := len(_finished(study))) < total:
            while len(running) < min(job.most, total - ended):
                running.append(_start(job, study.ask(distributions), space))
            wait([each.receiver for each in running])
            for each in [each for each in running if each.receiver.poll()]:
                running.remove(each)
                score, fault = _result(each)
                ended += 1
                if score is None:
                    each.trial.set_user_attr("fault", fault)
                    study.tell(each.trial, state=optuna.trial.TrialState.FAIL)
                else:
                    each.trial.set_user_attr("score", score.text)
                    study.tell(each.trial, score.value if score.higher_is_better else -score.value)
                _tidy(job, study, each)
                shown = f"failed: {one_line(fault)}" if score is None else score.text
                yield f"  {ended} of {total}: {shown} with {_listed(each.settings)}"
    finally:
        for each in running:
            each.process.terminate()
            each.process.join()


def _start(job: Job, trial: "Trial", space: Space) -> _Running:
    settings = {name: _short(trial.params[name], values) for name, values in space.items()}
    trial.set_user_attr("settings", settings)
    own = job.of_trial(trial.number, settings)
    # What a run that was killed left in this place.
    shutil.rmtree(own.options.out.parent, ignore_errors=True)
    own.options.out.parent.mkdir(parents=True)
    # A fresh process has no threads and no random state of this one.
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=run_trial, args=(own, sender), daemon=True)
    process.start()
    sender.close()
    return _Running(trial=trial, settings=settings, job=own, process=process, receiver=receiver)


def run_trial(job: Job, sender: Connection) -> None:
    """One trial, in its own process: sends its score, or None and the fault; what is printed goes to a file."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    log = job.options.out.with_name("log.txt")
    with (
        log.open("w", encoding="utf-8") as file,
        contextlib.redirect_stdout(file),
        contextlib.redirect_stderr(file),
    ):
        try:
            result = job.command.train(job.data, job.options, job.kind, job.columns), ""
        except (Exception, KeyboardInterrupt) as fault:
            result = None, fault_of(fault).message if isinstance(fault, Exception) else "it was stopped"
    with contextlib.suppress(BrokenPipeError):
        sender.send(result)


def _end_with(parent: BaseProcess) -> None:
    """Ends this process when the one that started it has ended, even by SIGKILL."""
    parent.join()
    os._exit(1)


def _result(running: _Running) -> tuple[Score | None, str]:
    try:
        result: tuple[Score | None, str] = running.receiver.recv()
    except EOFError:
        running.process.join()
        return None, f"its process ended with exit code {running.process.exitcode}"
    running.process.join()
    score, _ = result
    # Optuna takes no NaN.
    return (None, f"{score.text}: it has no value on --dev") if score and math.isnan(score.value) else result


def _tidy(job: Job, study: "Study", running: _Running) -> None:
    """Of the models only the best so far stays; of each trial its log and its metrics."""
    model = running.job.options.out
    is_best = running.trial.number == next((trial.number for trial in _best_first(study)), None)
    if is_best and model.exists():
        best = job.options.work / "best"
        shutil.rmtree(best, ignore_errors=True)
        model.replace(best)
    shutil.rmtree(model, ignore_errors=True)


def _best_first(study: "Study") -> list[Any]:
    scored = [trial for trial in study.get_trials(deepcopy=False) if trial.value is not None]
    return sorted(scored, key=lambda trial: -trial.value)


def _keep_best(console: Console, job: Job, kind: "TaskKind", study: "Study") -> None:
    """Moves the best model to its place, writes its settings beside it, and says so."""
    import tomli_w

    from ..export.file import write_file

    options, ranked = job.options, _best_first(study)
    if not ranked:
        faults = [trial.user_attrs["fault"] for trial in _finished(study).values()]
        raise SettingsError(f"none of {len(faults)} trials came to its end; the first: {faults[0]}")
    best = ranked[0].user_attrs
    for_task, for_training = split(options.set_, kind.task.settings_type, options.settings)
    config = {name: value for name, value in options.config().items() if value is not None and name != "seed"}
    settings = for_task | for_training | config | best["settings"]
    file = _settings_file(options)
    plain = {name: NONE if value is None else value for name, value in settings.items()}
    head = f"# The best of {len(ranked)} settings that were tried: {best['score']} on --dev.\n"
    write_file(file, (head + tomli_w.dumps(plain)).encode())
    model = options.work / "best"
    if model.exists():
        shutil.rmtree(options.out, ignore_errors=True)
        model.replace(options.out)
    print_text(console, f"Best of {len(ranked)}: {best['score']} with {_listed(best['settings'])}.")
    if not options.out.exists():
        print_text(
            console, f"Its model was removed; train it again with --settings {file} instead of --tune."
        )
        return
    print_text(console, f"Written to {options.out}, its settings to {file} (for --settings). Now use it:")
    print_command(console, kind.usage(options.out).replace("…", "..."))


def _short(value: Any, tried: Any) -> Any:
    """A drawn number with three digits, which is all that a setting needs; a value of a list as it stands there."""
    return float(f"{value:.3g}") if isinstance(value, float) and not isinstance(tried, Values) else value


def _listed(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in settings.items())
