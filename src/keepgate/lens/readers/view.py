"""An answer beside the gates that led to it, token by token, and the three figures that sum up a memory."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ...data.labelled import LabelledText
from ...data.questions import Question
from ...errors import ShapeError
from ...nn.trace import LayerTrace, Trace
from ...tasks.answer import Answer
from ...tasks.probe import Probed
from ..compact_repr import compact_repr
from .reading import read


@dataclass(frozen=True, kw_only=True)
class View:
    """One question as a model read it.

    tokens: what the encoder read, in order; step t of the trace is token t.
    trace:  every gate and state over those tokens, for each layer and direction, with a batch of one.
    """

    question: Question | LabelledText
    tokens: tuple[str, ...]
    trace: Trace
    answer: Answer

    __repr__ = compact_repr


def view(task: Probed, question: Question | LabelledText) -> View:
    """The model's answer to one question, and its gates and states over the tokens that it read, without gradients.

    Raises CellError for a feed-forward model, which has no memory to show, and CorpusError for a question that has no
    text or asks nothing.
    """
    reading = read(task, question)
    return View(question=question, tokens=reading.tokens.texts, trace=reading.trace, answer=reading.answer)


def retention_of_first_write(
    keep: Float[Tensor, "time batch hidden"], *, reverse: bool = False
) -> Float[Tensor, "batch hidden"]:
    """What is left, after the last step that was read, of what the first step wrote: 1 all of it, 0 nothing.

    keep: the gate that keeps (LSTM f, GRU z), 0 (drop) to 1 (keep), in the text's own order.
    reverse: the direction that reads the last token first.
    Raises ShapeError if there are no steps.
    Source: Murdoch & Szlam (2017), arXiv:1702.02540: the product of the gates after the write.
    """
    _needs_steps(keep)
    after = keep[:-1] if reverse else keep[1:]
    return after.prod(0)


def relative_state_change(layer: LayerTrace, state: str) -> Float[Tensor, "time batch"]:
    """How far a state moves at each step, relative to its size: 0 stands still, 2 turns to its opposite.

    The length of the step over the mean of the state's lengths before and after it. NaN where the state before was
    empty, as it is before the first step: from nothing, every step is as far as can be.
    Raises ShapeError if there are no steps.
    """
    after, before = layer[state], layer.previous()[state]
    _needs_steps(after)
    size, size_before = after.norm(dim=-1), before.norm(dim=-1)
    moved = 2 * (after - before).norm(dim=-1) / (size + size_before)
    return torch.where(size_before > 0, moved, torch.full_like(moved, math.nan))


def _needs_steps(values: Tensor) -> None:
    if values.shape[0] == 0:
        raise ShapeError(
            f"got values of shape {tuple(values.shape)} without a step; give a trace of one token or more"
        )
