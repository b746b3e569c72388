"""Explanation: the answer to one question taken apart: effects of tokens and sentences, saliency, gates, retention."""

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from ...data.labelled import LabelledText
from ...data.labelled_series import LabelledSeries
from ...data.questions import Question
from ...data.series import Series
from ...data.text import Tokens
from ...equations.gates import is_gate
from ...nn.trace import LayerTrace
from ...tasks.answer import Answer
from ...tasks.probe import Probed, Unit
from ..compact_repr import compact_repr
from ..memory.retention import WriteRetention, write_retention
from ..memory.time_scales import half_lives
from .answer_origin import AnswerOrigin, answer_origin
from .gradient_saliency import saliency
from .leave_one_out import TokenEffect
from .reading import Reading, read
from .span_search import SpanEffect, hierarchical_search, sentence_spans


@dataclass(frozen=True, kw_only=True, eq=False)
class DirectionSummary:
    """Summary of the last layer in one direction.

    reverse:    whether it reads the last token first. gates: each gate's mean over the units at each token, 0 to 1, the
                one that keeps first; none in a plain RNN. keeps: that one's name; None without gates.
    half_lives: of each unit's memory, in tokens; empty for a plain RNN.
    retention:  of the write of the token with the largest effect; None for a plain RNN.
    """

    reverse: bool
    gates: dict[str, Float[Tensor, " tokens"]]
    keeps: str | None
    half_lives: Float[Tensor, " units"]
    retention: WriteRetention | None

    __repr__ = compact_repr


@dataclass(frozen=True, kw_only=True, eq=False)
class Explanation:
    """Explanation of the answer to one question, or of the label of one text.

    tokens:      in order of reading; unit: what one is called, a "token" of a text or a "step" of a series.
    question_start: the number of the question's first token.
    cell, units: of the last layer, one direction. layers: their number.
    sentence_effects, token_effects: of leaving each out, largest drop of the answer's probability first. A series has
                 no sentences.
    saliency:    |∂margin/∂state| after each token.
    choices:     number of answers to choose among; None where the reader points at a span of the text, and where a
                 label is explained that is not the likeliest, which can be no guess.
    attention:   the weight with which the answer reads each token's state; None where it reads the last state alone.
    """

    question: Question | LabelledText | LabelledSeries | Series
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
    unit: Unit = "token"

    @property
    def origin(self) -> AnswerOrigin:
        """Origin of the answer, as far as leaving out tokens and sentences shows it."""
        return answer_origin(
            self.answer, self.sentence_effects, self.token_effects, question_start=self.question_start,
            choices=self.choices,
        )  # fmt: skip

    @property
    def gated(self) -> bool:
        """Whether the memory is a sum of writes that can be taken apart."""
        return any(summary.retention is not None for summary in self.direction_summaries)

    @property
    def is_number(self) -> bool:
        """Whether the answer is a number, without a probability."""
        return math.isnan(self.answer.probability)

    @property
    def labelled_series(self) -> LabelledSeries | None:
        """The labelled series that was read, whose values can be drawn; None for anything else."""
        return self.question if isinstance(self.question, LabelledSeries) else None

    def weight(self, effect: TokenEffect | SpanEffect) -> float:
        """How much of the answer an effect carries, 0 to 1: the fall of its probability, or a number's change."""
        if effect.change is None:
            return max(0.0, effect.probability_drop)
        effects: tuple[TokenEffect | SpanEffect, ...] = (*self.token_effects, *self.sentence_effects)
        largest = max(abs(other.change or 0.0) for other in effects)
        return abs(effect.change) / largest if largest else 0.0

    @property
    def relative_effects(self) -> Float[Tensor, " tokens"]:
        """The weight of leaving each token out, relative to the greatest; 0 where it was not tried."""
        weights = torch.zeros(len(self.tokens), dtype=torch.float64)
        for effect in self.token_effects:
            weights[effect.step] = self.weight(effect)
        return weights / weights.max().clamp(min=1e-300)

    @property
    def relative_saliency(self) -> Float[Tensor, " tokens"]:
        """The saliency relative to the greatest."""
        return self.saliency / self.saliency.max().clamp(min=1e-300)

    __repr__ = compact_repr


def explain_answer(model: Probed, question: Question | LabelledText | LabelledSeries | Series) -> Explanation:
    """Explanation of a task's answer to one item, without dropout. Raises CellError for a model without memory."""
    reading = read(model, question)
    layer = reading.layer_run.layer
    last = reading.trace.layers[-layer.directions :]
    sentences, tokens = hierarchical_search(reading)
    decisive_step = tokens[0].step if layer.cell.additive else None
    return Explanation(
        question=reading.question, answer=reading.answer, tokens=reading.tokens, question_start=reading.question_start,
        cell=layer.cell.name, units=layer.hidden_size, layers=layer.num_layers,
        direction_summaries=tuple(direction_summary(part, decisive_step) for part in last),
        sentence_spans=tuple(sentence_spans(reading)), sentence_effects=sentences, token_effects=tokens,
        saliency=saliency(reading).cpu(), attention=_attention(reading),
        choices=None if reading.choices is None else len(reading.choices), unit=reading.unit,
    )  # fmt: skip


def direction_summary(traced_layer: LayerTrace, decisive_step: int | None) -> DirectionSummary:
    """On the CPU, whatever the model ran on. Without a decisive step, nothing of an additive memory."""
    cell = traced_layer.cell
    gates = [name for name, node in cell.graph.traced.items() if is_gate(node)]
    lives, retention = torch.zeros(0, dtype=torch.float64), None
    if decisive_step is not None:
        lives, retention = (
            half_lives(traced_layer)[0].double().cpu(),
            write_retention(traced_layer, decisive_step),
        )
        retention = replace(retention, retained=retention.retained.cpu(), forgotten=retention.forgotten.cpu())
    return DirectionSummary(
        reverse=traced_layer.reverse, keeps=cell.retain_gate, half_lives=lives, retention=retention,
        gates={
            name: traced_layer[name][:, 0].double().mean(1).cpu()
            for name in sorted(gates, key=lambda name: (name != cell.retain_gate, name))
        },
    )  # fmt: skip


@torch.no_grad()
def _attention(reading: Reading) -> Tensor | None:
    weights = reading.head.attention(reading.trace.output)
    return None if weights is None else weights[:, 0].double().cpu()
