"""Probe: the recurrent layer's inputs for one item, and the head from its outputs to the prediction."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor, nn

from ..data.text import Tokens
from ..nn import Recurrent
from .answer import Answer

# What a step of the reading layer is called.
Unit = Literal["token", "step", "segment"]


@runtime_checkable
class Head(Protocol):
    """The function from the outputs of the layer that read the text to the prediction."""

    def answers(self, output: Float[Tensor, "time rows output"]) -> list[Answer]:
        """The answer for each row of outputs; all rows are the same text under different interventions."""

    def probabilities(
        self, output: Float[Tensor, "time rows output"], answer: str | None = None
    ) -> Float[Tensor, " rows"]:
        """The probability of an answer for each row; None is the model's own answer. Raises as `margins` does."""

    def margins(
        self, output: Float[Tensor, "time rows output"], answer: str | None = None
    ) -> Float[Tensor, " rows"]:
        """The logit of an answer less that of the others, for each row, in float64; None is the model's own.

        It can be differentiated. Raises KeyError for an answer that is none of its own.
        """

    def margin(self, output: Float[Tensor, "time 1 output"], answer: str | None = None) -> Float[Tensor, ""]:
        """`margins` of a single row."""

    def attention(self, output: Float[Tensor, "time rows output"]) -> Float[Tensor, "time rows"] | None:
        """The attention weight of each step's state; None for a head without attention."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ReadoutTerm:
    """One part of a linear readout: scores += weight · (states of the last step, or their mean under `attention`).

    weight: [labels, output]. attention: of each step; None where the last state of each direction is read.
    x: what the layer was given for what this part reads, and its tokens; both None for the text itself.
    """

    weight: Float[Tensor, "labels output"]
    attention: Float[Tensor, "time rows"] | None = None
    x: Float[Tensor, "read 1 input"] | None = None
    tokens: Tokens | None = None


@runtime_checkable
class LinearHead(Head, Protocol):
    """A head whose scores are linear in the states, its attention weights held."""

    labels: Sequence[str]

    def scores(self, output: Float[Tensor, "time rows output"]) -> Float[Tensor, "rows labels"]:
        """The logits of each label."""

    def readout_terms(
        self, output: Float[Tensor, "time rows output"]
    ) -> tuple[Sequence[ReadoutTerm], Tensor]:
        """The parts that the scores are the sum of, and the bias. Raises CellError where the pooling is not linear."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Probe:
    """One item as the lens takes it apart, without dropout. The run of `layer` over `x` is what it looks into.

    x: what the layer was given for this item alone, [time, 1, input]. tokens: of each step, with its place in the text.
    unit: what a step is called. answer: the model's own. head: from the layer's output to the answer.
    without: what the layer would be given, were the tokens of these numbers not in the text; None where the head ties
        the answer to the places of the tokens.
    """

    layer: Recurrent
    x: Float[Tensor, "time 1 input"]
    tokens: Tokens
    answer: Answer
    head: Head
    unit: Unit = "token"
    without: Callable[[Collection[int]], Float[Tensor, "time 1 input"]] | None = None


@runtime_checkable
class Probed(Protocol):
    """What `keepgate.lens` needs."""

    # Which run of the reading layer is the text's: 0, or 1 where it reads a question before.
    reading_run: int

    def reading_layer(self) -> str:
        """The name, in the module, of the layer that reads the text first. Raises CellError if it has no memory."""

    @property
    def choices(self) -> tuple[str, ...] | None:
        """The labels that it chooses from, by number; None where there is no fixed list."""

    def probe(self, item: Any) -> Probe:
        """The reading layer's inputs for one item, and the head on its outputs.

        Raises CellError for a network without memory, CorpusError for an item in which there is nothing to read.
        """

    def samples(self, items: Sequence[Any]) -> list[Any]:
        """The items as batches (`lens` Sample), each row's loss given all of it or only its last steps.

        Raises SettingsError if there is none whose answer it can give.
        """


@dataclass(frozen=True, kw_only=True, eq=False)
class SeriesProbe:
    """One number of a forecast as a function of what was read, as the lens takes apart any model of numbers.

    model: from inputs to that number, in its own units. inputs: the window of the item, then others of the same series
    or of others, each step's features in their own units. features: their names. baseline: what stands for nothing in
    their place, each feature's mean over the window. name: of the number ("load, 24 steps ahead").
    """

    model: nn.Module
    inputs: Float[Tensor, "rows time features"]
    features: tuple[str, ...]
    name: str


@runtime_checkable
class SeriesProbed(Protocol):
    """A task that reads series, each of whose features counts by itself at each step."""

    def item(self, text: str, question: str | None = None) -> Any:
        """The series in a table, and which number of its forecast is asked for."""

    def series_probe(self, item: Any, *, past: bool = False) -> SeriesProbe:
        """The number that is asked of one series, as a function of its window. Raises CorpusError as `probe` does.

        past: the last window is one of whose steps ahead the series holds all.
        """
