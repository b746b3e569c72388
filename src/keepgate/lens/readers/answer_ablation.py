"""Answer ablation: a reader's answer without some tokens or their writes; its direct shares and first-order effects."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ...errors import CellError, ShapeError
from ...tasks.answer import Answer
from ...tasks.probe import LinearHead
from ..capture.layer_run import LayerRun, capture_layer
from ..compact_repr import compact_repr
from ..gradients.first_order import write_influence
from ..interventions.ablation import ablate_spans, counterfactual
from ..interventions.removal import passed_by, remove_spans
from ..interventions.rerun import Rerun, Site
from ..interventions.token_ablation import ablate_tokens
from ..memory.direct_shares import attribute_last
from .reading import ANY_MODEL, Reading, of_reading

# The last layer, the only one of most readers.
LAST = (-1,)

# Numbers of the reruns' outputs held at once: 64 MiB of float32.
AT_ONCE = 16_777_216


@dataclass(frozen=True, kw_only=True, eq=False)
class AnswerShares:
    """Direct shares of each token's write, in the last layer, in the score of each choice.

    Exact, both directions together: the shares of text and question and the bias sum to the scores. With attention,
    its weights are constants: a token's effect on them, and on later gates, is not in its share.

    tokens:  in order: the text's, and the question's after them if it is read with the text.
    writes:  signed, in the units of a score before the softmax.
    question_tokens, question_writes: with attention, the question's own tokens and their shares by way of its state.
    bias:    the readout's. scores: the model's own.
    """

    choices: tuple[str, ...]
    tokens: tuple[str, ...]
    writes: Float[Tensor, "tokens choices"]
    question_tokens: tuple[str, ...]
    question_writes: Float[Tensor, "asked choices"]
    bias: Float[Tensor, " choices"]
    scores: Float[Tensor, " choices"]

    __repr__ = compact_repr

    @property
    def missing(self) -> Float[Tensor, " choices"]:
        """Each score minus the sum of its shares: 0 to rounding."""
        return self.scores - self.writes.sum(0) - self.question_writes.sum(0) - self.bias

    def of(self, choice: str) -> Float[Tensor, " tokens"]:
        """Share of each token's write in a choice's score less the mean share over the choices.

        The mean has no part in the answer. Raises KeyError for an unknown choice.
        """
        if choice not in self.choices:
            raise KeyError(f"{choice!r} is no choice; there are {', '.join(self.choices)}")
        return self.writes[:, self.choices.index(choice)] - self.writes.mean(1)


@of_reading
@torch.no_grad()
def answer_attribution(reading: Reading) -> AnswerShares:
    """Direct shares of the tokens' writes in the answer of a reader or classifier, for every choice.

    Raises CellError for a network without memory or without gates, and for a head that is not linear in the states.
    """
    head = reading.head
    if not isinstance(head, LinearHead):
        raise CellError(f"a {type(head).__name__} is not linear in the states; {ANY_MODEL}")
    output = reading.trace.output
    terms, bias = head.readout_terms(output)
    writes = output.new_zeros(len(output), len(head.labels))
    question_tokens: tuple[str, ...] = ()
    question_writes = writes[:0]
    for term in terms:
        if term.tokens is None or term.x is None:
            writes = (
                writes + attribute_last(reading.trace, term.weight, attention=term.attention).writes[:, 0]
            )
        else:
            trace = capture_layer(reading.layer_run.layer, term.x).trace
            question_tokens = term.tokens.texts
            question_writes = attribute_last(trace, term.weight).writes[:, 0]
    return AnswerShares(
        choices=tuple(head.labels), tokens=reading.tokens.texts, writes=writes, question_tokens=question_tokens,
        question_writes=question_writes, bias=bias, scores=head.scores(output)[0],
    )  # fmt: skip


@of_reading
@torch.no_grad()
def leave_one_out_answers(
    reading: Reading, steps: Sequence[int], *, layers: Collection[int] | None = LAST
) -> list[Answer]:
    """Answers without the write of one token each, in either direction; the network is run again from there.

    layers: those that do not write, counted from 0 or from -1 back; None is all of them.
    Raises ShapeError for a token or layer out of range, CellError for a plain RNN, whose states are no sums of writes.
    """
    spans = [(step, step + 1) for step in steps]
    return [
        answer
        for output in ablated_outputs(reading, spans, layers)
        for answer in reading.head.answers(output)
    ]


@torch.no_grad()
def ablated_outputs(
    reading: Reading, spans: Sequence[tuple[int, int]], layers: Collection[int] | None = LAST
) -> Iterator[Float[Tensor, "time variants output"]]:
    """Outputs of the reading layer without the writes of each span of tokens, in batches that bound the memory.

    layers: as in `leave_one_out_answers`; for other layers than the last, spans are of one token.
    Raises as `leave_one_out_answers` does, and ShapeError for an empty span.
    """
    layer_run = reading.layer_run
    tokens = len(layer_run.x)
    if any(start < 0 or end > tokens for start, end in spans):
        raise ShapeError(f"tokens are {list(spans)}, but they are numbered 0 to {tokens - 1}")
    size = max(1, AT_ONCE // layer_run.trace.output.numel())
    for first in range(0, len(spans), size):
        batch = spans[first : first + size]
        if layers is not None and set(layers) == set(LAST):
            # The layers below, and the last one up to the span, are as they were.
            yield _both_directions(layer_run, lambda site, batch=batch: ablate_spans(layer_run, batch, site))
        else:
            yield ablate_tokens(layer_run, torch.tensor([start for start, _ in batch]), layers)


@torch.no_grad()
def removed_outputs(
    reading: Reading, spans: Sequence[tuple[int, int]]
) -> Iterator[Float[Tensor, "time variants output"]]:
    """Outputs of the reading layer without each span of tokens as a whole, in batches that bound the memory.

    Raises as `remove_spans` does.
    """
    size = max(1, AT_ONCE // reading.trace.output.numel())
    for first in range(0, len(spans), size):
        yield remove_spans(reading.layer_run, spans[first : first + size]).output


@of_reading
@torch.no_grad()
def counterfactual_answer(
    reading: Reading,
    *,
    removed: Collection[int] = (),
    no_write: Sequence[int] = (),
    no_erase: Sequence[int] = (),
) -> Answer:
    """Answer had some tokens not been read, and had the last layer not written at some and erased nothing at others.

    All at once, in both directions where there are two.
    removed: indices of tokens left out whole, as in `token_effects`; what else is asked of them has no effect.
    no_write: of tokens whose writes are ablated. no_erase: of tokens at which the forget gate is clamped to 1.
    Raises ShapeError for a token out of range, and for `no_write` and `no_erase` CellError of a plain RNN.
    """
    layer_run, without = reading.layer_run, reading.without
    steps = range(len(reading.tokens))
    if not steps or not {*removed, *no_write, *no_erase} <= set(steps):
        wrong = sorted({*removed, *no_write, *no_erase} - set(steps))
        raise ShapeError(f"tokens {wrong} are named, but they are numbered 0 to {steps[-1]}")
    remaining = [step for step in steps if step not in removed]
    if removed and without is not None:
        layer_run = capture_layer(layer_run.layer, without(removed))
    elif removed and remaining:
        layer_run = capture_layer(layer_run.layer, layer_run.x[remaining])
    place = {step: number for number, step in enumerate(remaining)}
    writes, erasures = (
        [place[step] for step in changed if step in place] for changed in (no_write, no_erase)
    )
    output = layer_run.trace.output[:0]
    if remaining or without is not None:
        output = _both_directions(layer_run, lambda site: counterfactual(layer_run, writes, erasures, site))
    if removed and without is None:
        output = passed_by(reading.layer_run, output, remaining)
    return reading.head.answers(output)[0]


@of_reading
def answer_influence(reading: Reading, answer: str | None = None) -> Float[Tensor, " tokens"]:
    """First-order effect of each token's write on an answer's margin against the others, along every path.

    The last layer's writes, both directions together, through attention too: its weights move with the token.
    answer: None is the one that was given.
    Raises KeyError for an answer that the reader cannot give, CellError for a plain RNN.
    """
    layer_run = reading.layer_run
    influences = write_influence(layer_run, lambda output: reading.head.margin(output, answer))
    return torch.stack(influences[-layer_run.layer.directions :]).sum(0)[:, 0]


def _both_directions(layer_run: LayerRun, change: Callable[[Site], Rerun]) -> Tensor:
    """Output with a change in both directions of the last layer, which do not read each other."""
    output = change(Site()).output
    if not layer_run.layer.bidirectional:
        return output
    units = output.shape[2] // 2
    return torch.cat([output[..., :units], change(Site(reverse=True)).output[..., units:]], -1)
