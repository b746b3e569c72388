"""One job: train one network with one seed, then measure it. What comes back is plain values, for any process."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from ..export import bundle
from ..machine import one_thread
from ..tasks.choice.reader import ChoiceReader
from ..train.loop import Result, fit
from ..train.progress import Progress
from . import measure
from .contestants import Budget, Contestant, run_of, stages_of
from .result import GradientLine, PoolingResult, SeedRun, Strip

Tell = Callable[[Progress], None]


@dataclass(frozen=True, kw_only=True)
class Job:
    """One training and its measurements.

    kind: "contestant" or "pooling" to train, "scaled" only to look at. facts: at the front of each story.
    look: measure gradient and gates too, which is done for the first seed.
    keep: the folder that the trained network is saved to, or None.
    """

    kind: Literal["contestant", "pooling", "scaled"]
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
    """The results of one job; None where it did not measure. pooling: with the one seed's accuracy and seconds."""

    job: Job
    parameters: int
    run: SeedRun | None = None
    pooling: PoolingResult | None = None
    before: GradientLine | None = None
    after: GradientLine | None = None
    strip: Strip | None = None
    state_change: Mapping[str, float] = field(default_factory=dict)


def do(job: Job, tell: Tell) -> Outcome:
    """Does one job in this process, on one thread; `tell` hears of every step of training."""
    with one_thread():
        return {"contestant": _contestant, "pooling": _pooling, "scaled": _scaled}[job.kind](job, tell)


def _contestant(job: Job, tell: Tell) -> Outcome:
    task = job.contestant.build(job.seed)
    before = measure.gradient_line(task) if job.look else None
    trained = _train(task, job, tell)
    if job.keep is not None:
        bundle.save(task, job.keep, card=_card(job, trained))
    answer = measure.pirate_king_answer(task)
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
    outcome = Outcome(job=job, parameters=_parameters(task), run=run, before=before)
    if not job.look:
        return outcome
    return replace(
        outcome,
        after=measure.gradient_line(task),
        strip=measure.strip(task),
        state_change=measure.state_change(task),
    )


def _pooling(job: Job, tell: Tell) -> Outcome:
    task = job.contestant.build(job.seed)
    trained = _train(task, job, tell)
    accuracy = measure.accuracy(task, job.lengths, count=job.count, facts=job.facts)
    settings = job.contestant.settings
    pooling = PoolingResult(
        name=job.contestant.name,
        cell=settings.cell,
        bidirectional=settings.bidirectional,
        parameters=_parameters(task),
        accuracy={length: (share,) for length, share in accuracy.items()},
        seconds=(trained.seconds,),
    )
    return Outcome(job=job, parameters=_parameters(task), pooling=pooling)


def _scaled(job: Job, tell: Tell) -> Outcome:  # noqa: ARG001
    task = job.contestant.build(job.seed)
    measure.scale_weights(task.encoder.layer, "weight_hh", job.contestant.scale)
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
