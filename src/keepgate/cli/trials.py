"""Trials of a search: settings drawn by Optuna, each trained in a process of its own; the best model so far is kept."""

import contextlib
import math
import multiprocessing
import os
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from .console import one_line
from .exit_codes import fault_of
from .own_cells import register_own_cells
from .search_space import SEED, Space, Values, combinations_of, seeds_of, without_seed
from .study import best_first, finished
from .train import Score
from .train_options import Options

if TYPE_CHECKING:
    from optuna import Study, Trial

    from ..tasks import TaskKind


class Command(Protocol):
    """A training command, as a process of its own is given it: its fields are plain values."""

    @property
    def name(self) -> str: ...
    @property
    def space(self) -> Mapping[str, Mapping[str, Any]]: ...
    def read(self, paths: Sequence[Path], columns: Mapping[str, str | None], folder: Path) -> Any: ...
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
        pairs = tuple(f"{name}={value}" for name, value in without_seed(settings).items())
        options, board = self.options, self.options.tensorboard
        trial_options = replace(
            options,
            out=options.work / "trials" / str(number) / "model",
            set_=(*options.set_, *pairs),
            seed=settings.get(SEED, options.seed),
            threads=options.threads or 1,
            tune=None,
            resume=False,
            tensorboard=None if board is None else board / str(number),
        )
        return replace(self, options=trial_options)


@dataclass(frozen=True, kw_only=True)
class _Running:
    trial: "Trial"
    settings: Mapping[str, Any]
    job: Job
    process: BaseProcess
    receiver: Connection


def run_trials(job: Job, study: "Study", space: Space, total: int, first: Mapping[str, Any]) -> Iterator[str]:
    """Runs trials until there are so many; a line about each that ended. first: settings that are tried first."""
    import optuna

    running: list[_Running] = []
    try:
        while (count := len(finished(study))) < total:
            while len(running) < min(job.most, total - count):
                running.append(_start(job, _next(study, space, seeds_of(space)[:total], first), space))
            wait([each.receiver for each in running])
            for each in [each for each in running if each.receiver.poll()]:
                running.remove(each)
                score, fault = _result(each)
                count += 1
                if score is None:
                    each.trial.set_user_attr("fault", fault)
                    study.tell(each.trial, state=optuna.trial.TrialState.FAIL)
                else:
                    each.trial.set_user_attr("score", score.text)
                    each.trial.set_user_attr("unit", score.unit)
                    study.tell(each.trial, score.value if score.higher_is_better else -score.value)
                _tidy(job, study, each)
                shown = f"failed: {one_line(fault)}" if score is None else score.text
                yield f"  {count} of {total}: {shown} with {listed(each.settings)}"
    finally:
        for each in running:
            each.process.terminate()
            each.process.join()


def _next(study: "Study", space: Space, seeds: Sequence[int], first: Mapping[str, Any]) -> "Trial":
    """The next trial: one that waits, else one with settings that are drawn, which waits again with each other seed.

    Of a space whose combinations can be listed none comes twice: in place of it comes the first that was not tried.
    """
    from optuna.trial import TrialState

    trials = study.get_trials(deepcopy=False)
    distributions = {name: values.distribution() for name, values in space.items()}
    if any(trial.state.name == "WAITING" for trial in trials):
        return study.ask(distributions)
    fixed = ({} if trials else {**first}) | ({SEED: seeds[0]} if seeds else {})
    if fixed:
        study.enqueue_trial(fixed)
    trial = study.ask(distributions)
    before = [without_seed(each.params) for each in trials]
    combinations = combinations_of(space)
    if combinations is not None and without_seed(trial.params) in before:
        study.tell(trial, state=TrialState.FAIL)
        untried = next((each for each in combinations if each not in before), trial.params)
        study.enqueue_trial(untried | fixed)
        trial = study.ask(distributions)
    for seed in seeds[1:]:
        study.enqueue_trial(trial.params | {SEED: seed})
    return trial


def _start(job: Job, trial: "Trial", space: Space) -> _Running:
    settings = {name: _short(trial.params[name], values) for name, values in space.items()}
    trial.set_user_attr("settings", settings)
    trial_job = job.of_trial(trial.number, settings)
    # What a run that was killed left in this place.
    shutil.rmtree(trial_job.options.out.parent, ignore_errors=True)
    trial_job.options.out.parent.mkdir(parents=True)
    # A fresh process has no threads and no random state of this one.
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=run_trial, args=(trial_job, sender), daemon=True)
    process.start()
    sender.close()
    return _Running(trial=trial, settings=settings, job=trial_job, process=process, receiver=receiver)


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
            register_own_cells()
            result = job.command.train(job.data, job.options, job.kind, job.columns), ""
        except (Exception, KeyboardInterrupt) as fault:
            result = None, fault_of(fault).message if isinstance(fault, Exception) else "it was stopped"
    # The parent may have gone, by a signal that leaves it no time to end its trials.
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
    from ..export import folder as folders

    model = running.job.options.out
    is_best = running.trial.number == next((trial.number for trial in best_first(study)), None)
    if is_best and model.exists():
        best = job.options.work / "best"
        if best.exists():
            folders.remove(best, kind="model")
        model.replace(best)
    shutil.rmtree(model, ignore_errors=True)


def _short(value: Any, tried: Any) -> Any:
    """A drawn number with three digits, which is all that a setting needs; a value of a list as it stands there."""
    return float(f"{value:.3g}") if isinstance(value, float) and not isinstance(tried, Values) else value


def listed(settings: Mapping[str, Any]) -> str:
    """Settings with their values, as a trial's line has them."""
    return ", ".join(f"{name}={value}" for name, value in settings.items())
