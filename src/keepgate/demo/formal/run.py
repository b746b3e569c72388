"""Run of the formal languages: every network, language and seed, in up to two processes, with a progress bar."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from ... import __version__
from ...errors import SettingsError
from ...machine import machine
from ..processes import check_seeds, do_all, workers_for
from .jobs import Job, built, do
from .languages import LANGUAGES, language_named
from .networks import TRANSFORMER
from .result import FormalComparison, Trained
from .training import LONGEST, steps_for

ALL = tuple(language.name for language in LANGUAGES)
NETWORKS = ("rnn", "lstm", "gru", TRANSFORMER)
# Symbols of the test's strings: those up to LONGEST are as long as some of the training.
LENGTHS = (20, 40, 60, 100, 150, 200, 300, 400, 500)
STRINGS = 256


def run(
    languages: Sequence[str] = ALL,
    networks: Sequence[str] = NETWORKS,
    *,
    seeds: Sequence[int] = (0,),
    processes: int | None = None,
    progress: bool = True,
    command: str = "keepgate formal",
    pictures: Path | None = None,
    lengths: Sequence[int] = LENGTHS,
    strings: int = STRINGS,
    steps: int | None = None,
) -> FormalComparison:
    """All networks trained and tested on all languages, each on one thread.

    networks: names of cells, one's own that was registered among them, and "transformer".
    processes, progress, command: as `keepgate.demo.run.run` takes them. strings: of each test length.
    pictures: the folder in which the first seed's automata are drawn, or None. steps: of training, not the usual.
    Raises SettingsError for an unknown language, one or a network named twice, seeds that are none, fewer than one
    process or string, and CellError for an unknown cell.
    """
    check_seeds(seeds)
    for name, values in (("language", languages), ("network", networks)):
        if not values or len(set(values)) < len(values):
            raise SettingsError(f"the {name}s are {list(values)}; give one or more different ones")
    if strings < 1:
        raise SettingsError(f"{strings} test strings were asked for; give 1 or more")
    for network in networks:
        built(language_named(languages[0]), network, 0)
    jobs = [
        Job(
            language=language, network=network, seed=seed, lengths=tuple(lengths), strings=strings,
            steps=steps or steps_for(language_named(language)),
            picture=pictures / f"automaton-{language}-{network}.svg" if pictures and seed == seeds[0] else None,
        )
        for language in languages
        for network in networks
        for seed in seeds
    ]  # fmt: skip
    # The longest first, so that no process is left with one alone.
    longest_first = sorted(jobs, key=lambda job: (job.network != TRANSFORMER, -job.steps))
    workers = workers_for(len(jobs), processes)
    outcomes = dict(
        zip(longest_first, do_all(longest_first, do, workers=workers, progress=progress), strict=True)
    )
    return FormalComparison(
        trained=tuple(
            _merged([outcomes[job] for job in jobs if (job.language, job.network) == (language, network)])
            for language in languages
            for network in networks
        ),
        longest=LONGEST, lengths=tuple(lengths), strings=strings, seeds=tuple(seeds), machine=machine(),
        version=str(__version__), command=command, finished=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )  # fmt: skip


def _merged(seeds: Sequence[Trained]) -> Trained:
    return replace(seeds[0], runs=tuple(run for trained in seeds for run in trained.runs))
