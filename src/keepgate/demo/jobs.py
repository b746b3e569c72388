"""Job: one training of one network with one seed, and its measurements as plain values, for any process."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..export import bundle
from ..machine import one_thread
from ..train.loop import Result, fit
from . import measure
from .contestants import Budget, Contestant, run_of, stages_of
from .processes import OnStep
from .result import Network, SeedRun

DATA = "Stories in Traditional Chinese, made by keepgate.demo.stories; the answer is one of 16 names."


@dataclass(frozen=True, kw_only=True)
class Job:
    """One training and its measurements.

    budget: None measures the network without training. lengths, count: the test stories. facts: at the front of each
    story. look: measure gradient and gates too, which is done for the first seed. folder: where the trained network is
    saved, or None.
    """

    contestant: Contestant
    seed: int
    budget: Budget | None
    lengths: tuple[int, ...] = ()
    count: int = 0
    facts: int = 1
    look: bool = False
    folder: Path | None = None

    @property
    def steps(self) -> int:
        """Steps of training in it."""
        return 0 if self.budget is None else self.budget.steps

    @property
    def label(self) -> str:
        """What the bar shows meanwhile."""
        return f"{self.contestant.name}, seed {self.seed}"


def do(job: Job, on_step: OnStep) -> Network:
    """The network of one job, trained and measured here on one thread; `on_step` gets each step's progress."""
    contestant = job.contestant
    with one_thread():
        task = contestant.build(job.seed)
        if contestant.scale != 1:
            measure.scale_weights(task.encoder.layer, "weight_hh", contestant.scale)
        network = Network(
            name=contestant.name, cell=contestant.cell, bidirectional=contestant.settings.bidirectional,
            parameters=sum(parameter.numel() for parameter in task.parameters()), scale=contestant.scale,
            before=measure.gradient_line(task) if job.look else None,
        )  # fmt: skip
        if job.budget is None:
            return network
        stages = stages_of(task, job.budget, job.facts)
        trained = fit(task, run_of(job.seed), stages=stages, progress=False, on_step=on_step)
        if job.folder is not None:
            bundle.save(task, job.folder, card=card(contestant.name, DATA, job.seed, trained))
        answer = measure.pirate_king_answer(task)
        run = SeedRun(
            seed=job.seed, steps=trained.steps, seconds=trained.seconds, cpu_seconds=trained.cpu_seconds,
            loss=trained.loss, answer=answer.text, probability=answer.probability, candidates=answer.candidates,
            accuracy=measure.accuracy(task, job.lengths, count=job.count, facts=job.facts),
        )  # fmt: skip
        network = replace(network, runs=(run,))
        if not job.look:
            return network
        return replace(
            network, after=measure.gradient_line(task), strip=measure.strip(task),
            state_change=measure.state_change(task),
        )  # fmt: skip


def card(
    name: str, data: str, seed: int, trained: Result, figures: Mapping[str, object] | None = None
) -> dict[str, object]:
    """The model card of a network of the stories. data: of its training. figures: beside those of the training."""
    return {
        "what": f"Says who wants to become something, in the stories of `keepgate compare`: {name}.",
        "data": data,
        "figures": {
            "seed": seed, "steps": trained.steps, "loss": round(trained.loss, 4), **(figures or {}),
        },
    }  # fmt: skip
