"""Job: one network trained on one language from one seed, and its measurements as plain values, for any process."""

from dataclasses import dataclass
from pathlib import Path

from ...lens.report import AutomatonReport
from ...machine import one_thread
from ...train import randomness
from ...train.loop import fit
from ..processes import OnStep
from .languages import Language, language_named
from .measure import accuracy, automaton_of, has_automaton
from .networks import FormalNetwork, network_of, weights_of
from .result import FoundAutomaton, SeedRun, Trained
from .training import config_for, stages_of


@dataclass(frozen=True, kw_only=True)
class Job:
    """One training and its measurements.

    language, network: their names. lengths, strings: of the test. picture: the SVG file of the automaton, or None.
    """

    language: str
    network: str
    seed: int
    steps: int
    lengths: tuple[int, ...]
    strings: int
    picture: Path | None = None

    @property
    def label(self) -> str:
        """What the bar shows meanwhile."""
        return f"{self.language}, {self.network}, seed {self.seed}"


def do(job: Job, on_step: OnStep) -> Trained:
    """One network, trained and measured here on one thread; `on_step` gets each step's progress."""
    language = language_named(job.language)
    with one_thread():
        network = built(language, job.network, job.seed)
        stages = stages_of(language, job.steps)
        trained = fit(
            network, config_for(job.network, job.seed), stages=stages, progress=False, on_step=on_step
        )
        run = SeedRun(
            seed=job.seed, steps=trained.steps, seconds=trained.seconds, cpu_seconds=trained.cpu_seconds,
            loss=trained.loss, accuracy=accuracy(network, job.lengths, job.strings),
            automaton=_found(network, job.picture),
        )  # fmt: skip
    return Trained(
        language=language.name, level=language.level, network=job.network, parameters=weights_of(network),
        chance=language.chance, runs=(run,),
    )  # fmt: skip


def built(language: Language, name: str, seed: int) -> FormalNetwork:
    """The network before training: the same for the same seed. Raises CellError for an unknown cell."""
    with randomness.reproducible(seed, None):
        return network_of(language, name)


def _found(network: FormalNetwork, picture: Path | None) -> FoundAutomaton | None:
    """The network's automaton, drawn if there is a file for it; None where none can be looked for."""
    right = network.language.automaton
    if right is None or not has_automaton(network):
        return None
    automaton = automaton_of(network)
    if picture is not None:
        AutomatonReport(**vars(automaton), symbols=network.language.symbols).figure().save(picture)
    return FoundAutomaton(
        states=len(automaton.minimal()), right=automaton.same_as(right),
        periods=tuple(points.period for points in automaton.held),
    )  # fmt: skip
