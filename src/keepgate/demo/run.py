"""Run of the comparison: every network and seed under one budget, in up to two processes, with a progress bar."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from .. import __version__
from ..errors import SettingsError
from ..machine import machine
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
from .processes import check_seeds, do_all, workers_for
from .result import Comparison, Network
from .stories import names_of, pirate_king_story


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
    check_seeds(seeds)
    if count < 1:
        raise SettingsError(f"{count} test stories were asked for; give 1 or more")
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
    workers = workers_for(len(jobs), processes)
    # The longest first, so that no process is left with one alone.
    slowest = {"gru": 0, "lstm": 1, "rnn": 2, None: 3}
    jobs.sort(key=lambda job: (job.budget is None, slowest[job.contestant.cell]))
    outcomes = do_all(jobs, do, workers=workers, progress=progress)
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


def _merged(contestant: Contestant, facts: int, by_job: Sequence[tuple[Job, Network]]) -> Network:
    """One network with the runs of all seeds; the other measurements are of the first seed."""
    pairs = [pair for pair in by_job if pair[0].contestant == contestant and pair[0].facts == facts]
    measured = next((network for job, network in pairs if job.look), pairs[0][1])
    runs = (run for _, network in pairs for run in network.runs)
    return replace(measured, runs=tuple(sorted(runs, key=lambda run: run.seed)))


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
