"""One job: train one network with one seed, then measure it. What comes back is plain values, for any process."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch

from ..export import bundle
from ..tasks.reader import ChoiceReader
from ..train.logbook import Progress
from ..train.loop import Result, fit
from . import measure
from .contestants import Budget, Contestant, run_of, stages_of
from .result import GradientLine, Reading, SeedRun, Strip

Tell = Callable[[Progress], None]


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is to be done.

    kind: "contestant" or "reading" to train, "scaled" only to look at. facts: at the front of each story.
    look: measure gradient and gates too, which is done for the first seed.
    keep: the folder that the trained network is saved to, or None.
    """

    kind: Literal["contestant", "reading", "scaled"]
    contestant: Contestant
    seed: int
    budget: Budget
    lengths: tuple[int, ...]
    count: int
    facts: int = 1
    look: bool = False
    keep: Path | None = None

    @property
    def steps(self) -> int:
        """Steps of training in it."""
        return 0 if self.kind == "scaled" else self.budget.steps


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one job found; what it did not measure is None. reading: with the one seed's accuracy and seconds."""

    job: Job
    parameters: int
    run: SeedRun | None = None
    reading: Reading | None = None
    before: GradientLine | None = None
    after: GradientLine | None = None
    strip: Strip | None = None
    pace: Mapping[str, float] = field(default_factory=dict)


def do(job: Job, tell: Tell) -> Outcome:
    """Does one job in this process, on one thread; `tell` hears of every step of training."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    # A gradient that vanishes ends in denormal numbers, with which processors take many times as long.
    torch.set_flush_denormal(True)
    try:
        return {"contestant": _contestant, "reading": _reading, "scaled": _scaled}[job.kind](job, tell)
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(threads)


def _contestant(job: Job, tell: Tell) -> Outcome:
    task = job.contestant.build(job.seed)
    before = measure.gradient_line(task) if job.look else None
    trained = _train(task, job, tell)
    if job.keep is not None:
        bundle.save(task, job.keep, card=_card(job, trained))
    answer = measure.article_answer(task)
    run = SeedRun(
        seed=job.seed,
        steps=trained.steps,
        seconds=trained.seconds,
        cpu_seconds=trained.cpu_seconds,
        loss=trained.loss,
        accuracy=measure.accuracy(task, job.lengths, count=job.count),
        answer=answer.text,
        probability=answer.probability,
        candidates=answer.candidates,
    )
    if not job.look:
        return Outcome(job=job, parameters=_parameters(task), run=run)
    return Outcome(
        job=job,
        parameters=_parameters(task),
        run=run,
        before=before,
        after=measure.gradient_line(task),
        strip=measure.strip(task),
        pace=measure.pace(task),
    )


def _reading(job: Job, tell: Tell) -> Outcome:
    task = job.contestant.build(job.seed)
    trained = _train(task, job, tell)
    found = measure.accuracy(task, job.lengths, count=job.count, facts=job.facts)
    settings = job.contestant.settings
    reading = Reading(
        name=job.contestant.name,
        cell=settings.cell,
        bidirectional=settings.bidirectional,
        parameters=_parameters(task),
        accuracy={length: (share,) for length, share in found.items()},
        seconds=(trained.seconds,),
    )
    return Outcome(job=job, parameters=_parameters(task), reading=reading)


def _scaled(job: Job, tell: Tell) -> Outcome:  # noqa: ARG001
    task = job.contestant.build(job.seed)
    measure.scale_recurrence(task, job.contestant.scale)
    return Outcome(job=job, parameters=_parameters(task), before=measure.gradient_line(task))


def _train(task: ChoiceReader, job: Job, tell: Tell) -> Result:
    stages = stages_of(task, job.budget, job.facts)
    return fit(task, run_of(job.seed), stages=stages, progress=False, on_step=tell)


def _card(job: Job, trained: Result) -> dict[str, object]:
    return {
        "what": f"Says who wants to become something, in the stories of `keepgate compare`: {job.contestant.name}.",
        "data": "Stories in Traditional Chinese, made by keepgate.demo.stories; the answer is one of 16 names.",
        "figures": {"seed": job.seed, "steps": trained.steps, "loss": round(trained.loss, 4)},
    }


def _parameters(task: ChoiceReader) -> int:
    return sum(parameter.numel() for parameter in task.parameters())
