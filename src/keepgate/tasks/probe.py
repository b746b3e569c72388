"""Probe: one item as a model's recurrent layer read it, and the way from the layer's output to the prediction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from ..data.text import Tokens
from ..nn import Recurrent
from .answer import Answer


@runtime_checkable
class Head(Protocol):
    """What a task makes of the outputs of the layer that read the text."""

    def answers(self, output: Float[Tensor, "time rows output"]) -> list[Answer]:
        """What it answers, had that layer given these outputs; each row is the same text, read otherwise."""

    def probabilities(
        self, output: Float[Tensor, "time rows output"], answer: str | None = None
    ) -> Float[Tensor, " rows"]:
        """How likely each row makes an answer; None is the one it gave. Raises KeyError as `margins` does."""

    def margins(
        self, output: Float[Tensor, "time rows output"], answer: str | None = None
    ) -> Float[Tensor, " rows"]:
        """The logit of an answer less that of the others, for each row, in float64; None is the answer it gave.

        It can be differentiated. Raises KeyError for an answer that it does not know.
        """

    def margin(self, output: Float[Tensor, "time 1 output"], answer: str | None = None) -> Float[Tensor, ""]:
        """`margins` of a single row."""

    def attention(self, output: Float[Tensor, "time rows output"]) -> Float[Tensor, "time rows"] | None:
        """With which weight the prediction reads each step's state; None where it does not attend."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Probe:
    """One item from inside, without dropout. The run of `layer` over `x` is what the lens takes apart.

    x: what the layer was given for this item alone, [time, 1, input]. tokens: of each step, with its place in the text.
    unit: what a step is called. answer: the model's own. head: from the layer's output to the answer.
    without: what the layer would be given, were the tokens from one number up to another not in the text; None where
        the head ties the answer to the places of the tokens.
    """

    layer: Recurrent
    x: Float[Tensor, "time 1 input"]
    tokens: Tokens
    answer: Answer
    head: Head
    unit: str = "token"
    without: Callable[[int, int], Float[Tensor, "time 1 input"]] | None = None


@runtime_checkable
class Probed(Protocol):
    """What `keepgate.lens` needs."""

    def reading_layer(self) -> str:
        """The name, in the module, of the layer that reads the text first. Raises CellError if it has no memory."""

    @property
    def choices(self) -> tuple[str, ...] | None:
        """The answers that it chooses from, by number; None where it points, or counts."""

    def probe(self, item: Any) -> Probe:
        """One item as the reading layer read it.

        Raises CellError for a network without memory, CorpusError for an item in which there is nothing to read.
        """

    def samples(self, items: Sequence[Any]) -> list[Any]:
        """The items as batches (`lens` Sample), each row's loss given all of it or only its last steps.

        Raises SettingsError if there is none whose answer it can give.
        """
