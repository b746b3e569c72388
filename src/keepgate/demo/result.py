"""Comparison: the result of `keepgate compare` as plain values. Report, terminal and `--json` read only this."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ..machine import Machine


@dataclass(frozen=True, kw_only=True)
class Training:
    """One training of one network with one seed, and its accuracy afterwards.

    seconds, cpu_seconds: of the whole training. loss: mean over the last steps logged, in nats.
    accuracy: length → share of right answers, 0 to 1 (NaN: not measured).
    """

    seed: int
    steps: int
    seconds: float
    cpu_seconds: float
    loss: float
    accuracy: Mapping[int, float]


@dataclass(frozen=True, kw_only=True)
class SeedRun(Training):
    """A training, and its answer afterwards; lengths are in characters.

    answer, probability: to the pirate king's question after a long story; candidates: best first.
    """

    answer: str
    probability: float
    candidates: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, kw_only=True)
class GradientLine:
    """Gradient norm by lag in characters, relative to lag 0; may be exactly 0, inf or NaN."""

    lags: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Strip:
    """Gates and state changes of one trained network over the pirate king's sentence, one value a token.

    gates: name → how open, averaged over the units, in the cell's order; candidates (g, n) are not gates.
    change: state → ‖s_t − s_{t−1}‖ relative to the mean of ‖s_t‖ and ‖s_{t−1}‖ (NaN at the first token).
    """

    tokens: tuple[str, ...]
    gates: Mapping[str, tuple[float, ...]]
    change: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True, kw_only=True)
class Network:
    """One network of the comparison, or of the experiment with several facts.

    name: "feedforward", "rnn", "lstm-zero", "lstm-one", "lstm-chrono", "gru", "gru-chrono", or another; a pooling:
    "last", "attention". "rnn-scaled" is never trained: it has no runs. cell: "rnn", "lstm", "gru" or None.
    scale: what the recurrent weights were multiplied by after they were drawn. state_change: state → its relative
    change at a step, as in Strip.change, the mean over the long story. before, after: the gradient before and after
    training; they, strip and state_change are of the first seed.
    """

    name: str
    cell: str | None
    parameters: int
    bidirectional: bool = False
    runs: tuple[SeedRun, ...] = ()
    before: GradientLine | None = None
    after: GradientLine | None = None
    strip: Strip | None = None
    state_change: Mapping[str, float] = field(default_factory=dict)
    scale: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The whole comparison.

    lengths: characters of the test stories; stories: how many of each length; chance: of a right guess, 0 to 1.
    sentence, question, expected: the pirate king's, and the answer; distance: characters between sentence and question.
    version: of keepgate. facts: how many stand at the front in `poolings`; guessing among them is right in 1 / facts.
    settings: shown as they are. finished: date and time, ISO 8601.
    """

    networks: tuple[Network, ...]
    lengths: tuple[int, ...]
    stories: int
    chance: float
    seeds: tuple[int, ...]
    sentence: str
    question: str
    expected: str
    distance: int
    machine: Machine
    version: str
    command: str
    finished: str
    settings: Mapping[str, object] = field(default_factory=dict)
    poolings: tuple[Network, ...] = ()
    facts: int = 3


def to_json(result: Any) -> str:
    """A dataclass as JSON that any reader takes: NaN and the infinities are written as strings."""

    def plain(value: object) -> object:
        if isinstance(value, float) and not math.isfinite(value):
            return str(value)
        if isinstance(value, Mapping):
            return {str(name): plain(entry) for name, entry in value.items()}
        return [plain(entry) for entry in value] if isinstance(value, list | tuple) else value

    return json.dumps(plain(asdict(result)), ensure_ascii=False, indent=1, allow_nan=False)
