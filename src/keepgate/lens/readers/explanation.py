"""Explanation: one question as a model read it, with all that a person wants to see of it, in numbers."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from ...data.labelled import LabelledText
from ...data.questions import Question
from ...data.text import Tokens
from ...equations.analysis import is_gate
from ...nn.trace import LayerTrace
from ...tasks.answer import Answer
from ...tasks.probe import Probed
from ..compact_repr import compact_repr
from ..memory.retention import WriteRetention, write_retention
from ..memory.time_scales import half_lives
from .answer_origin import AnswerOrigin, answer_origin
from .gradient_saliency import saliency
from .leave_one_out import TokenEffect
from .reading import Reading, read
from .search import SpanEffect, hierarchical_search, sentence_spans


@dataclass(frozen=True, kw_only=True, eq=False)
class DirectionSummary:
    """The last layer in one direction of reading.

    reverse:    whether it reads the last token first. gates: each one's mean over the units at each token, 0 to 1, the
                one that keeps first; none in a plain RNN. keeps: that one's name; None without gates.
    half_lives: of each unit's memory, in tokens; empty for a plain RNN.
    retention:  what became of the write that matters most; None for a plain RNN.
    """

    reverse: bool
    gates: dict[str, Float[Tensor, " tokens"]]
    keeps: str | None
    half_lives: Float[Tensor, " units"]
    retention: WriteRetention | None

    __repr__ = compact_repr


@dataclass(frozen=True, kw_only=True, eq=False)
class Explanation:
    """One question, or one text to be labelled, as a model read it, taken apart.

    tokens:      what was read, in order. question_start: the number of the first that is the question's.
    cell, units: of the last layer, one direction; layers: how many there are below and with it.
    sentence_effects: those without which the answer's probability falls most first: proven by leaving each out whole.
    token_effects: the tokens likewise, each left out by itself. Both are empty for a plain RNN, which writes no sum.
    saliency: how much what speaks for the answer would change with the states after each token: |d margin / d h|.
    choices:     how many answers there are to choose among; None where the reader points at a piece of the text.
    attention:   with which weight the answer reads each token's state; None where it reads the last state alone.
    """

    question: Question | LabelledText
    answer: Answer
    tokens: Tokens
    question_start: int
    cell: str
    units: int
    layers: int
    direction_summaries: tuple[DirectionSummary, ...]
    sentence_spans: tuple[tuple[int, int], ...]
    sentence_effects: tuple[SpanEffect, ...]
    token_effects: tuple[TokenEffect, ...]
    saliency: Float[Tensor, " tokens"]
    attention: Float[Tensor, " tokens"] | None
    choices: int | None = None

    @property
    def origin(self) -> AnswerOrigin:
        """Where the answer came from, as far as leaving out tokens and sentences shows it."""
        return answer_origin(
            self.answer, self.sentence_effects, self.token_effects, question_start=self.question_start,
            choices=self.choices,
        )  # fmt: skip

    @property
    def gated(self) -> bool:
        """Whether the memory is a sum of writes that can be taken apart."""
        return bool(self.token_effects)

    @property
    def relative_saliency(self) -> Float[Tensor, " tokens"]:
        """The saliency relative to the greatest."""
        return self.saliency / self.saliency.max().clamp(min=1e-300)

    __repr__ = compact_repr


def explain_answer(model: Probed, question: Question | LabelledText) -> Explanation:
    """One item as a task of ours reads it, taken apart. Raises CellError for a model without memory.

    Without gradients or dropout.
    """
    reading = read(model, question)
    last = reading.trace.layers[-reading.seen.layer.directions :]
    carried = bool(last[0].cell.additive)
    found = hierarchical_search(reading) if carried else ((), ())
    matters = found[1][0].step if carried else None
    return Explanation(
        question=reading.question, answer=reading.answer, tokens=reading.tokens, question_start=reading.question_start,
        cell=last[0].cell.name, units=reading.seen.layer.hidden_size, layers=reading.seen.layer.num_layers,
        direction_summaries=tuple(_pass(part, matters) for part in last), sentence_spans=tuple(sentence_spans(reading)),
        sentence_effects=found[0], token_effects=found[1], saliency=saliency(reading).cpu(),
        attention=_attention(reading), choices=None if reading.choices is None else len(reading.choices),
    )  # fmt: skip


def _pass(part: LayerTrace, matters: int | None) -> DirectionSummary:
    cell = part.cell
    names = [name for name, node in cell.graph.traced.items() if is_gate(node)]
    gates = {
        name: part[name][:, 0].double().mean(1).cpu()
        for name in sorted(names, key=lambda name: (name != cell.retain_gate, name))
    }
    return DirectionSummary(
        reverse=part.reverse, gates=gates, keeps=cell.retain_gate,
        half_lives=half_lives(part)[0].double().cpu() if matters is not None else torch.zeros(0, dtype=torch.float64),
        retention=None if matters is None else _here(write_retention(part, matters)),
    )  # fmt: skip


def _here(found: WriteRetention) -> WriteRetention:
    """The same on the processor, whatever the model ran on."""
    return replace(found, retained=found.retained.cpu(), forgotten=found.forgotten.cpu())


@torch.no_grad()
def _attention(reading: Reading) -> Tensor | None:
    weights = reading.head.attention(reading.trace.output)
    return None if weights is None else weights[:, 0].double().cpu()
