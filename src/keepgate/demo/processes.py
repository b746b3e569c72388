"""Pool: jobs, each one training on one thread, done in this process or in several at once, under one progress bar."""

import contextlib
import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import Any, Protocol, TypeVar

from ..errors import SettingsError
from ..machine import machine
from ..progress import Progress, ProgressBar

_REFRESH = 0.2  # seconds after which the bar is drawn again, though no job has finished

OnStep = Callable[[Progress], None]


class Job(Protocol):
    """One training. steps: of it. label: what the bar shows meanwhile."""

    @property
    def steps(self) -> int: ...
    @property
    def label(self) -> str: ...


J = TypeVar("J", bound=Job)
R = TypeVar("R")


def workers_for(jobs: int, processes: int | None) -> int:
    """How many processes: as many as asked for, or two, or one on a single core; never more than there are jobs."""
    if processes is not None and processes < 1:
        raise SettingsError(f"{processes} processes were asked for; give 1 or more")
    return min(processes or min(2, machine().cores), jobs)


def check_seeds(seeds: Sequence[int]) -> None:
    """Raises SettingsError if there is no seed, one comes twice or is below 0."""
    if not seeds or len(set(seeds)) < len(seeds) or min(seeds) < 0:
        raise SettingsError(f"the seeds are {list(seeds)}; give one or more different ones, each 0 or above")


def do_all(jobs: Sequence[J], do: Callable[[J, OnStep], R], *, workers: int, progress: bool) -> list[R]:
    """What `do` gives for each job, in order. do: a module's own function; it tells its second argument of each step.

    With one worker all is done in this process. Others are started afresh: a script that comes here does so below
    `if __name__ == "__main__":`.
    """
    with ProgressBar(sum(job.steps for job in jobs), enabled=progress) as bar:
        return _in_this_process(jobs, do, bar) if workers == 1 else _in_processes(jobs, do, bar, workers)


def _in_this_process(jobs: Sequence[J], do: Callable[[J, OnStep], R], bar: ProgressBar) -> list[R]:
    results, steps = [], 0
    for job in jobs:

        def on_step(progress: Progress, job: J = job, steps: int = steps) -> None:
            bar.update(steps + progress.step, name=job.label, loss=progress.loss)

        results.append(do(job, on_step))
        steps += job.steps
    return results


# In a worker: the queue for its progress.
_worker: dict[str, Any] = {}


def _start(progress: Any) -> None:
    _worker["progress"] = progress


def _work(do: Callable[[J, OnStep], R], job: J) -> R:
    return do(job, lambda progress: _worker["progress"].put((job.label, progress.loss)))


def _in_processes(jobs: Sequence[J], do: Callable[[J, OnStep], R], bar: ProgressBar, workers: int) -> list[R]:
    context = multiprocessing.get_context("spawn")
    progress = context.Queue()
    earlier_children = set(multiprocessing.active_children())
    executor = ProcessPoolExecutor(workers, mp_context=context, initializer=_start, initargs=(progress,))
    steps_done = 0
    try:
        with _for_workers():
            futures = [executor.submit(_work, do, job) for job in jobs]
        pending: set[Future[R]] = set(futures)
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
