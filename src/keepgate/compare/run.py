"""The whole comparison: every network and seed under one budget, in up to two processes, with a progress bar."""

import multiprocessing
import os
import queue
import signal
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from datetime import UTC, datetime
from multiprocessing.synchronize import Event
from typing import Any

from .. import __version__
from ..data.corpora.stories import article
from ..errors import SettingsError
from ..kernels.machine import machine
from ..train.logbook import Bar, Progress
from . import measure
from .contestants import (
    BATCH,
    BUDGET,
    CONTESTANTS,
    FACTS,
    FACTS_BUDGET,
    FACTS_LENGTHS,
    LENGTHS,
    READINGS,
    SCALED,
    STORIES,
    Budget,
    Contestant,
    run_of,
)
from .jobs import Job, Outcome, do
from .result import Comparison, Machine, Network, Reading

# How long to wait for word from the other processes before the bar is drawn again, in seconds.
_PATIENCE = 0.2


def run(
    seeds: Sequence[int] = (0,),
    *,
    processes: int | None = None,
    progress: bool = True,
    command: str = "keepgate compare",
    lengths: Sequence[int] = LENGTHS,
    count: int = STORIES,
    contestants: Sequence[Contestant] = CONTESTANTS,
    readings: Sequence[Contestant] = READINGS,
    budget: Budget = BUDGET,
    facts_budget: Budget = FACTS_BUDGET,
) -> Comparison:
    """What all networks did, trained with each seed under the same budget, each on one thread.

    processes: None is two, or one where this process may use one core only; with one, all is done in this process.
        Others are started afresh, so a script must call this below `if __name__ == "__main__":`.
    progress: one bar on stderr over all trainings. command: how to do it again, for the report.
    count: test stories of each length in characters.
    Raises SettingsError if there is no seed, one comes twice or is below 0, or for fewer than one process.
    """
    _check(seeds, processes, count)
    jobs = _jobs(seeds, contestants, readings, tuple(lengths), count, budget, facts_budget)
    workers = min(processes or min(2, machine().cores), len(jobs))
    with Bar(sum(job.steps for job in jobs), shown=progress) as bar:
        outcomes = _here(jobs, bar) if workers == 1 else _in_processes(jobs, bar, workers)
    one = article(measure.ARTICLE_LENGTH)
    return Comparison(
        networks=tuple(_network(each, outcomes) for each in (*contestants, SCALED)),
        lengths=tuple(lengths),
        stories=count,
        chance=measure.chance(),
        seeds=tuple(seeds),
        sentence=article().text,
        question=one.question,
        expected=one.answers[0],
        distance=len(one.text) - len(article().text),
        machine=_machine(),
        command=command,
        finished=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        settings=_settings(budget, facts_budget, workers),
        readings=tuple(_reading(each, outcomes) for each in readings),
        facts=FACTS,
    )


def _check(seeds: Sequence[int], processes: int | None, count: int) -> None:
    if not seeds or len(set(seeds)) < len(seeds) or min(seeds) < 0:
        raise SettingsError(f"the seeds are {list(seeds)}; give one or more different ones, each 0 or above")
    if processes is not None and processes < 1:
        raise SettingsError(f"{processes} processes were asked for; give 1 or more")
    if count < 1:
        raise SettingsError(f"{count} test stories were asked for; give 1 or more")


def _jobs(
    seeds: Sequence[int],
    contestants: Sequence[Contestant],
    readings: Sequence[Contestant],
    lengths: tuple[int, ...],
    count: int,
    budget: Budget,
    facts_budget: Budget,
) -> list[Job]:
    """Everything there is to do; what takes longest first, so that no process is left with it alone."""
    jobs = []
    for seed in seeds:
        jobs += [
            Job(kind="reading", contestant=each, seed=seed, budget=facts_budget, lengths=FACTS_LENGTHS, count=count,
                facts=FACTS)
            for each in readings
        ]  # fmt: skip
        jobs += [
            Job(kind="contestant", contestant=each, seed=seed, budget=budget, lengths=lengths, count=count,
                look=seed == seeds[0])
            for each in contestants
        ]  # fmt: skip
    jobs.append(
        Job(
            kind="scaled", contestant=SCALED, seed=seeds[0], budget=budget, lengths=(), count=count, look=True
        )
    )
    slowest = {"gru": 0, "lstm": 1, "rnn": 2, None: 3}
    return sorted(jobs, key=lambda job: (job.kind == "scaled", slowest[job.contestant.cell]))


def _here(jobs: Sequence[Job], bar: Bar) -> list[Outcome]:
    outcomes, before = [], 0
    for job in jobs:

        def tell(now: Progress, job: Job = job, before: int = before) -> None:
            bar.update(before + now.step, name=_called(job), loss=now.loss)

        outcomes.append(do(job, tell))
        before += job.steps
    return outcomes


def _called(job: Job) -> str:
    """What the bar calls the job that last said something."""
    return f"{job.contestant.name}, seed {job.seed}"


# What a worker process was started with: where to say how far it is, and whether it should stop.
_worker: dict[str, Any] = {}


def _start(said: Any, stop: Event) -> None:
    # Ctrl-C reaches every process of a terminal; this one is told by the first.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _worker.update(said=said, stop=stop)


def _work(job: Job) -> Outcome:
    def tell(now: Progress) -> None:
        if _worker["stop"].is_set():
            raise KeyboardInterrupt
        _worker["said"].put((_called(job), now.loss))

    return do(job, tell)


def _in_processes(jobs: Sequence[Job], bar: Bar, workers: int) -> list[Outcome]:
    context = multiprocessing.get_context("spawn")
    said, stop = context.Queue(), context.Event()
    executor = ProcessPoolExecutor(workers, mp_context=context, initializer=_start, initargs=(said, stop))
    done = 0
    try:
        with _one_thread():
            futures = [executor.submit(_work, job) for job in jobs]
        going: set[Future[Outcome]] = set(futures)
        while going:
            finished, going = wait(going, timeout=_PATIENCE, return_when=FIRST_COMPLETED)
            for future in finished:
                future.result()
            for name, loss in _drain(said):
                done += 1
                if done > 10 * workers:  # Before, the time left would count the start of the processes.
                    bar.update(done, name=name, loss=loss)
        return [future.result() for future in futures]
    finally:
        stop.set()
        executor.shutdown(wait=True, cancel_futures=True)
        said.close()


class _one_thread:  # noqa: N801
    """Processes started inside use one thread each; what is outside goes on as it was."""

    def __enter__(self) -> None:
        self._before = os.environ.get("OMP_NUM_THREADS")
        os.environ["OMP_NUM_THREADS"] = "1"

    def __exit__(self, *_: object) -> None:
        if self._before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = self._before


def _drain(said: Any) -> list[tuple[str, float]]:
    heard = []
    while True:
        try:
            heard.append(said.get_nowait())
        except queue.Empty:
            return heard


def _of(contestant: Contestant, outcomes: Sequence[Outcome], kinds: Sequence[str]) -> list[Outcome]:
    """The outcomes of one contestant, in the order of their seeds."""
    mine = [one for one in outcomes if one.job.contestant == contestant and one.job.kind in kinds]
    return sorted(mine, key=lambda one: one.job.seed)


def _network(contestant: Contestant, outcomes: Sequence[Outcome]) -> Network:
    mine = _of(contestant, outcomes, ("contestant", "scaled"))
    looked = next(one for one in mine if one.job.look)
    return Network(
        name=contestant.name,
        cell=contestant.cell,
        parameters=looked.parameters,
        runs=tuple(one.run for one in mine if one.run is not None),
        before=looked.before,
        after=looked.after,
        strip=looked.strip,
        pace=looked.pace,
        scale=contestant.scale,
    )


def _reading(contestant: Contestant, outcomes: Sequence[Outcome]) -> Reading:
    found = [one.reading for one in _of(contestant, outcomes, ("reading",)) if one.reading is not None]
    first = found[0]
    return Reading(
        name=first.name,
        cell=first.cell,
        bidirectional=first.bidirectional,
        parameters=first.parameters,
        accuracy={length: tuple(one.accuracy[length][0] for one in found) for length in first.accuracy},
        seconds=tuple(one.seconds[0] for one in found),
    )


def _machine() -> Machine:
    found = machine()
    versions = {"keepgate": str(__version__), "torch": found.torch, "python": found.python}
    return Machine(processor=found.processor, threads=1, system=found.system, versions=versions)


def _settings(budget: Budget, facts_budget: Budget, workers: int) -> dict[str, object]:
    recipe = run_of(0)

    def told(one: Budget) -> str:
        return ", ".join(f"{steps} × {'/'.join(map(str, lengths))}" for steps, lengths in one.stages)

    return {
        "batch": BATCH,
        "optimiser": recipe.optimiser,
        "learning rate": recipe.learning_rate,
        "flat": recipe.flat,
        "clip": recipe.clip,
        "steps × characters": told(budget),
        "steps × characters, several facts": told(facts_budget),
        "processes": workers,
    }
