"""Result of `keepgate formal` as plain values: table, pictures and `--json` read only this."""

from dataclasses import dataclass

from ...machine import Machine
from ..result import Training


@dataclass(frozen=True, kw_only=True)
class FoundAutomaton:
    """The automaton of a trained recurrent network, from the fixed points of its states.

    states: of the smallest one that answers alike. right: whether it is the language's. periods: by symbol, in steps.
    """

    states: int
    right: bool
    periods: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class SeedRun(Training):
    """A training, its accuracy that of the answers' symbols by the symbols of a string, and its automaton."""

    automaton: FoundAutomaton | None = None


@dataclass(frozen=True, kw_only=True)
class Trained:
    """One network on one language, from several seeds."""

    language: str
    level: str
    network: str
    parameters: int
    chance: float
    runs: tuple[SeedRun, ...]


@dataclass(frozen=True, kw_only=True)
class FormalComparison:
    """The whole. longest: symbols of a string in training. lengths: of the test's strings. strings: of each length."""

    trained: tuple[Trained, ...]
    longest: int
    lengths: tuple[int, ...]
    strings: int
    seeds: tuple[int, ...]
    machine: Machine
    version: str
    command: str
    finished: str
