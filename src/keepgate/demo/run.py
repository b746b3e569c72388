"""Run of the comparison: every network and seed under one budget, in up to two processes, with a progress bar."""

import contextlib
import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import SettingsError
from ..machine import machine
from ..train.progress import Progress, ProgressBar
from . import measure
from .contestants import (
    BATCH,
    BUDGET,
    CONTESTANTS,
    FACTS,
    FACTS_BUDGET,
    FACTS_LENGTHS,
    LENGTHS,
    POOLINGS,
    SCALED,
    STORIES,
    Budget,
    Contestant,
    run_of,
)  # fmt: skip
from .jobs import Job, do
from .result import Comparison, Network
from .stories import names_of, pirate_king_story

_REFRESH = 0.2  # seconds after which the bar is drawn again, though no job has finished


def run(
    seeds: Sequence[int] = (0,),
    *,
    processes: int | None = None,
    progress: bool = True,
    command: str = "keepgate compare",
    models: Path | None = None,
    lengths: Sequence[int] = LENGTHS,
    count: int = STORIES,
    contestants: Sequence[Contestant] = CONTESTANTS,
    poolings: Sequence[Contestant] = POOLINGS,
    budget: Budget = BUDGET,
    facts_budget: Budget = FACTS_BUDGET,
) -> Comparison:
    """The comparison: all networks, trained with each seed under the same budget, each on one thread.

    processes: None is two, or one where this process may use one core only; with one, all is done in this process.
        Others are started afresh, so a script must call this below `if __name__ == "__main__":`.
    progress: one bar on stderr over all trainings. command: how to do it again, for the report.
    models: the folder in which the first seed's networks are saved, each as a model of its name; None saves none.
    count: test stories of each length in characters.
    Raises SettingsError if there is no seed, one comes twice or is below 0, or for fewer than one process, and
    BundleError if a model cannot be saved.
    """
    _check(seeds, processes, count)
    experiments = ((contestants, budget, tuple(lengths), 1), (poolings, facts_budget, FACTS_LENGTHS, FACTS))
    jobs = [
        Job(
            contestant=contestant, seed=seed, budget=training, lengths=test_lengths, count=count, facts=facts,
            look=facts == 1 and seed == seeds[0],
            folder=models / contestant.name if models and facts == 1 and seed == seeds[0] else None,
        )
        for networks, training, test_lengths, facts in experiments
        for contestant in networks
        for seed in seeds
    ]  # fmt: skip
    jobs.append(Job(contestant=SCALED, seed=seeds[0], budget=None, look=True))
    # The longest first, so that no process is left with one alone.
    slowest = {"gru": 0, "lstm": 1, "rnn": 2, None: 3}
    jobs.sort(key=lambda job: (job.budget is None, slowest[job.contestant.cell]))
    workers = min(processes or min(2, machine().cores), len(jobs))
    with ProgressBar(sum(job.steps for job in jobs), enabled=progress) as bar:
        outcomes = _in_this_process(jobs, bar) if workers == 1 else _in_processes(jobs, bar, workers)
    by_job = list(zip(jobs, outcomes, strict=True))
    sentence, story = pirate_king_story().text, pirate_king_story(measure.PIRATE_KING_LENGTH)
    return Comparison(
        networks=tuple(_merged(contestant, 1, by_job) for contestant in (*contestants, SCALED)),
        poolings=tuple(_merged(contestant, FACTS, by_job) for contestant in poolings),
        facts=FACTS,
        lengths=tuple(lengths),
        stories=count,
        chance=1 / len(names_of()),
        seeds=tuple(seeds),
        sentence=sentence,
        question=story.question,
        expected=story.answers[0],
        distance=len(story.text) - len(sentence),
        machine=machine(),
        version=str(__version__),
        command=command,
        finished=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        settings=_settings(budget, facts_budget, workers),
    )


def _check(seeds: Sequence[int], processes: int | None, count: int) -> None:
    if not seeds or len(set(seeds)) < len(seeds) or min(seeds) < 0:
        raise SettingsError(f"the seeds are {list(seeds)}; give one or more different ones, each 0 or above")
    if processes is not None and processes < 1:
        raise SettingsError(f"{processes} processes were asked for; give 1 or more")
    if count < 1:
        raise SettingsError(f"{count} test stories were asked for; give 1 or more")


def _merged(contestant: Contestant, facts: int, by_job: Sequence[tuple[Job, Network]]) -> Network:
    """One network with the runs of all seeds; the other measurements are of the first seed."""
    pairs = [pair for pair in by_job if pair[0].contestant == contestant and pair[0].facts == facts]
    measured = next((network for job, network in pairs if job.look), pairs[0][1])
    runs = (run for _, network in pairs for run in network.runs)
    return replace(measured, runs=tuple(sorted(runs, key=lambda run: run.seed)))


def _in_this_process(jobs: Sequence[Job], bar: ProgressBar) -> list[Network]:
    networks, steps = [], 0
    for job in jobs:

        def on_step(progress: Progress, job: Job = job, steps: int = steps) -> None:
            bar.update(steps + progress.step, name=_label(job), loss=progress.loss)

        networks.append(do(job, on_step))
        steps += job.steps
    return networks


def _label(job: Job) -> str:
    """The bar's name for a job."""
    return f"{job.contestant.name}, seed {job.seed}"


# In a worker: the queue for its progress.
_worker: dict[str, Any] = {}


def _start(progress: Any) -> None:
    _worker["progress"] = progress


def _work(job: Job) -> Network:
    return do(job, lambda progress: _worker["progress"].put((_label(job), progress.loss)))


def _in_processes(jobs: Sequence[Job], bar: ProgressBar, workers: int) -> list[Network]:
    context = multiprocessing.get_context("spawn")
    progress = context.Queue()
    earlier_children = set(multiprocessing.active_children())
    executor = ProcessPoolExecutor(workers, mp_context=context, initializer=_start, initargs=(progress,))
    steps_done = 0
    try:
        with _for_workers():
            futures = [executor.submit(_work, job) for job in jobs]
        pending: set[Future[Network]] = set(futures)
        while pending:
            finished, pending = wait(pending, timeout=_REFRESH, return_when=FIRST_COMPLETED)
            for future in finished:
                future.result()
            for name, loss in _drain(progress):
                steps_done += 1
                if steps_done > 10 * workers:  # Before, the time left would count the start of the processes.
                    bar.update(steps_done, name=name, loss=loss)
        return [future.result() for future in futures]
    except BaseException:
        for child in set(multiprocessing.active_children()) - earlier_children:
            child.terminate()
        raise
    finally:
        executor.shutdown(cancel_futures=True)
        progress.close()


@contextlib.contextmanager
def _for_workers() -> Iterator[None]:
    """Processes started inside inherit one thread and ignore Ctrl-C, which this process handles for all."""
    main = threading.current_thread() is threading.main_thread()
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN) if main else None
    threads = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        del os.environ["OMP_NUM_THREADS"]
        if threads is not None:
            os.environ["OMP_NUM_THREADS"] = threads
        if main:
            signal.signal(signal.SIGINT, handler)


def _drain(progress: Any) -> list[tuple[str, float]]:
    items = []
    while True:
        try:
            items.append(progress.get_nowait())
        except queue.Empty:
            return items


def _settings(budget: Budget, facts_budget: Budget, workers: int) -> dict[str, object]:
    recipe = run_of(0)

    def text(budget: Budget) -> str:
        return ", ".join(f"{steps} × {'/'.join(map(str, lengths))}" for steps, lengths in budget.stages)

    return {
        "batch": BATCH,
        "optimiser": recipe.optimiser,
        "learning rate": recipe.learning_rate,
        "hold fraction": recipe.hold_fraction,
        "max grad norm": recipe.max_grad_norm,
        "steps × characters": text(budget),
        "steps × characters, several facts": text(facts_budget),
        "processes": workers,
        "threads a process": 1,
    }
