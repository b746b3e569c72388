"""One answer of any torch model, taken apart by step: what it is without each, the shares, and the memory inside."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from ...data.labelled import LabelledText
from ...data.text import Tokens, sentence_starts
from ...errors import SettingsError, ShapeError
from ...nn.eval_mode import eval_mode
from ..capture.hooks import attach
from ..capture.layer_run import LayerRun, capture_layer
from ..diagnosis.model_io import as_tensors, leaves
from ..readers.explanation import DirectionSummary, Explanation, direction_summary
from ..readers.gradient_saliency import saliency
from ..readers.leave_one_out import MAX_ABLATIONS, TokenEffect, largest_first
from ..readers.reading import Reading
from ..readers.span_search import SpanEffect
from .ablation import layers_in_order, predictions_without
from .head import ModelHead
from .look_back import ROUNDING, ROWS, LookBack, look_back
from .read_values import ReadValues, read_values
from .row import ModelRow, row_of_model
from .shares import InputShares, Shares, input_shares
from .target import Target, target_of

LeaveOut = Literal["step", "values"]
LeftOut = Literal["step", "layers", "values"]
# Of a row with more steps than this, those with the largest shares are left out one by one.
EVERY = 2_000


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelExplanation(Explanation):
    """One answer of a model of the user's own. Of a number, each effect has its `change`; probabilities are NaN.

    number:    the number that is explained; None for a label.
    offset:    the number of the first step that has a token: what is before them, and after them, is padding.
    shares:    of the answer's score by step and feature; None for a model without a derivative.
    look_back: how many of the last steps the answers of the batch's rows hang on; None unless it is a batch of series.
    left_out:  how steps were: "step", the model called without it; "layers", every recurrent layer passing it by;
               "values", the step staying, and nothing standing in it: each feature's mean, of a token zeros.
    """

    number: float | None
    offset: int
    shares: InputShares | None
    look_back: LookBack | None
    left_out: LeftOut

    @property
    def unmoved(self) -> bool:
        """Whether the answer stays as it is, but for rounding, whatever is left out."""
        effects: tuple[TokenEffect | SpanEffect, ...] = (*self.token_effects, *self.sentence_effects)
        if self.number is None:
            return all(abs(effect.probability_drop) <= ROUNDING for effect in effects)
        return all(abs(effect.change or 0.0) <= ROUNDING * abs(self.number) for effect in effects)

    @property
    def step_shares(self) -> Float[Tensor, "tokens features"]:
        """The shares of the steps that have tokens. Raises SettingsError where there are none."""
        if self.shares is None:
            raise SettingsError("this model has no derivative, and so no shares")
        return self.shares.values[self.offset : self.offset + len(self.tokens)]


def explain_model(
    model: nn.Module,
    inputs: Any,
    *,
    tokens: Sequence[str] | None = None,
    target: str | int | tuple[int, ...] | None = None,
    labels: Sequence[object] | None = None,
    output: str | int | None = None,
    row: int = 0,
    step: int | None = None,
    lengths: Any = None,
    time: int | None = None,
    features: Sequence[str] | None = None,
    baseline: Any = None,
    leave_out: LeaveOut | None = None,
    shares: Shares | None = None,
) -> ModelExplanation:
    """One answer of any torch model, taken apart; arguments and errors are those of `keepgate.lens.explain`."""
    first = next((part for part in model.modules() if isinstance(part, nn.RNNBase)), None)
    if time is None:
        time = 1 if first is None else int(bool(first.batch_first))
    with eval_mode(model):
        model_row = row_of_model(
            model, inputs, row, time=time, lengths=lengths, output=output,
            width=None if first is None else first.input_size,
        )  # fmt: skip
        at = model_row.steps - 1 if step is None else step
        if not -model_row.steps <= at < model_row.steps:
            raise ShapeError(f"step is {step}, but the row has {model_row.steps} steps, counted from 0")
        at %= model_row.steps
        series = tokens is None and bool(model_row.numbers)
        words, offset = _tokens(model_row, tokens, series=series)
        with torch.no_grad():
            predicted = model_row.predict(torch.arange(model_row.steps).expand(2, -1), torch.tensor(at))[:1]
        explained = target_of(
            predicted, target=target, labels=labels, reads_tokens=not model_row.numbers,
            named_logits=model_row.output == "logits",
            squashed=any(isinstance(part, nn.Sigmoid) for part in model.modules())
            and bool(((predicted >= 0) & (predicted <= 1)).all()),
        )  # fmt: skip
        if bool(explained.scores(predicted).isnan().any()):
            raise SettingsError(
                f"the model answers NaN to row {row}, whose inputs are all numbers: look whether its weights are "
                "(a training whose loss became NaN leaves NaN in them)"
            )
        names = None if features is None else tuple(features)
        other_rows = _others(model, inputs, model_row, time, lengths) if series else []
        nothing = _nothing(model_row, other_rows, baseline) if series else None
        values = read_values(model_row, at, nothing)
        if shares not in (None, "held", "integrated"):
            raise SettingsError(f'shares is {shares!r}; it can be "held" or "integrated"')
        parts = None if values is None else input_shares(values, explained, names, shares)
        if leave_out not in (None, "step", "values") or (leave_out == "values" and values is None):
            raise SettingsError(
                f'leave_out is {leave_out!r}; it can be "step" or, with a recurrent layer, "values"'
            )
        by_values = (
            values is not None
            and (leave_out or ("values" if series or model_row.each_step else "step")) == "values"
        )
        return _explained(
            model_row, explained, at, words, offset, parts, predicted,
            look_back(model_row, other_rows, explained, at), values if by_values else None, series=series,
        )  # fmt: skip


def _explained(
    read: ModelRow,
    target: Target,
    at: int,
    words: tuple[str, ...],
    offset: int,
    shares: InputShares | None,
    predicted: Tensor,
    back: LookBack | None,
    values: ReadValues | None,
    *,
    series: bool,
) -> ModelExplanation:
    text, tokens = _joined(words)
    answer, score = target.answers(predicted)[0], float(target.scores(predicted)[0])
    spans = [] if series else _sentences(text, tokens)
    ablated_steps = list(range(len(words)))
    if len(ablated_steps) > EVERY and shares is not None:
        strongest = shares.values.sum(1).abs()[offset : offset + len(words)].topk(MAX_ABLATIONS)
        ablated_steps = sorted(strongest.indices.tolist())
    pieces = [(k, k + 1) for k in ablated_steps] + spans
    places = [(start + offset, end + offset) for start, end in pieces]
    without = predictions_without(read, places, at) if values is None else values.predictions_without(places)
    drops, changes = _drops(target, score, target.scores(without))
    effects = list(zip(pieces, drops, changes, target.answers(without), strict=True))
    token_effects: tuple[TokenEffect, ...] = largest_first(
        TokenEffect(
            step=start, token=words[start], probability_drop=drop, without=ablated_answer, change=change
        )
        for (start, _), drop, change, ablated_answer in effects[: len(ablated_steps)]
    )
    sentence_effects: tuple[SpanEffect, ...] = largest_first(
        SpanEffect(start=start, end=end, probability_drop=drop, without=ablated_answer, change=change)
        for (start, end), drop, change, ablated_answer in effects[len(ablated_steps) :]
    )
    left_out: LeftOut = "values" if values is not None else "step" if read.shortens else "layers"
    layer_run, layer = _last_layer_run(read)
    matters = token_effects[0].step + offset
    summaries, sensitive = _inside(read, target, at, layer_run, layer, tokens, matters, answer, text)
    network = None if layer_run is None else layer_run.layer
    part = slice(offset, offset + len(words))
    choices = len(target.labels) if target.is_label and target.is_likeliest else None
    return ModelExplanation(
        question=LabelledText(text=text), answer=answer, tokens=tokens, question_start=len(words),
        cell="" if network is None else network.cell.name, units=0 if network is None else network.hidden_size,
        layers=0 if network is None else network.num_layers, direction_summaries=summaries,
        sentence_spans=tuple(spans), sentence_effects=sentence_effects, token_effects=token_effects,
        saliency=sensitive[part], attention=None, choices=choices, unit="step" if series else "token",
        number=None if target.is_label else score, offset=offset, shares=shares, look_back=back, left_out=left_out,
    )  # fmt: skip


def _drops(target: Target, score: float, without: Tensor) -> tuple[list[float], list[float | None]]:
    """By which share the label's probability falls, or by how much the number changes."""
    if not target.is_label:
        return [float("nan")] * len(without), [value - score for value in without.tolist()]
    likely = torch.tensor(score).double().sigmoid()
    return (1 - without.double().sigmoid() / likely).tolist(), [None] * len(without)


def _last_layer_run(read: ModelRow) -> tuple[LayerRun | None, Any]:
    """The run over the row, alone, of the last recurrent layer that reads as many steps, and that layer."""
    layers = layers_in_order(read)
    if not layers:
        return None, None
    name, layer = list(layers.items())[-1]
    with torch.no_grad(), attach(read.model) as attached:
        read.predict(torch.arange(read.steps).expand(2, -1))
    run = attached[name]
    states = tuple(state[:, :1] for state in run.initial)
    return capture_layer(run.layer, run.x[:, :1], states if len(states) > 1 else states[0]), layer


def _inside(
    read: ModelRow, target: Target, at: int, layer_run: LayerRun | None, layer: Any, tokens: Tokens, matters: int,
    answer: Any, text: str,
) -> tuple[tuple[DirectionSummary, ...], Tensor]:  # fmt: skip
    """What the last layer's gates did, and how sensitive the answer is to its states; nothing without a layer."""
    if layer_run is None:
        return (), torch.zeros(read.steps, dtype=torch.float64)
    head = ModelHead(row=read, target=target, at=at, layer=layer, seen=layer_run)
    reading = Reading(
        question=LabelledText(text=text),
        tokens=tokens,
        layer_run=layer_run,
        answer=answer,
        head=head,
        choices=target.labels or None,
    )
    parts = layer_run.trace.layers[-layer_run.layer.directions :]
    follow = matters if parts[0].cell.additive else None
    with torch.backends.cudnn.flags(enabled=False):
        return tuple(direction_summary(part, follow) for part in parts), saliency(reading).cpu()


def _tokens(read: ModelRow, tokens: Sequence[str] | None, *, series: bool) -> tuple[tuple[str, ...], int]:
    """The steps' names, and the number of the first step that has one."""
    if tokens is None and series:
        return tuple(f"t−{back}" if back else "t" for back in range(read.steps - 1, -1, -1)), 0
    if tokens is None:
        ids = read.over_time[0]
        return tuple(str(number) for number in (ids if ids.dim() == 1 else ids[:, 0]).tolist()), 0
    if isinstance(tokens, str) or not tokens or not all(isinstance(token, str) and token for token in tokens):
        raise SettingsError("tokens are the names of the row's steps, a list of texts, none of them empty")
    missing = read.steps - len(tokens)
    if missing < 0:
        raise ShapeError(f"there are {len(tokens)} tokens for a row of {read.steps} steps")
    if missing and not _same(read, len(tokens), read.steps):
        if not _same(read, 0, missing):
            raise ShapeError(
                f"there are {len(tokens)} tokens for a row of {read.steps} steps, of which neither the first "
                f"{missing} nor the last are padding; give one for each step"
            )
        return tuple(tokens), missing
    return tuple(tokens), 0


def _same(read: ModelRow, start: int, end: int) -> bool:
    return all(bool((value[start:end] == value[start]).all()) for value in read.over_time)


def _joined(words: Sequence[str]) -> tuple[str, Tokens]:
    """The words as a text, with blanks between them unless each is a single letter, and where in it they are."""
    gap = "" if all(len(word) == 1 and not word.isascii() for word in words) else " "
    starts, place = [], 0
    for word in words:
        starts.append(place)
        place += len(word) + len(gap)
    ends = tuple(start + len(word) for start, word in zip(starts, words, strict=True))
    return gap.join(words), Tokens(tuple(words), tuple(starts), ends)


def _sentences(text: str, tokens: Tokens) -> list[tuple[int, int]]:
    begins = torch.searchsorted(torch.tensor(tokens.starts), torch.tensor(sentence_starts(text))).tolist()
    return [
        (start, end) for start, end in zip(begins, [*begins[1:], len(tokens)], strict=True) if start < end
    ]


def _others(model: nn.Module, inputs: Any, read: ModelRow, time: int, lengths: Any) -> list[list[Tensor]]:
    """What runs over time in the batch's rows that are as long, at most so many from all of it."""
    if isinstance(inputs, PackedSequence) or lengths is not None:
        return []
    shape = next((leaf.shape for leaf in leaves(as_tensors(inputs)) if leaf.dim() > 1), torch.Size())
    rows = shape[1 - time] if len(shape) > 1 and shape[time] >= read.steps else 1
    if rows < 2:
        return []
    chosen = torch.linspace(0, rows - 1, min(rows, ROWS)).long().tolist()
    others = [row_of_model(model, inputs, number, time=time, probe=False) for number in chosen]
    return [other.over_time for other in others if other.steps == read.steps]


def _nothing(read: ModelRow, rows: Sequence[Sequence[Tensor]], baseline: Any) -> Tensor:
    """What stands for nothing in every step: each feature's mean over the rows, unless it is given."""
    if baseline is not None:
        return torch.as_tensor(baseline, dtype=torch.float64)
    every = [
        torch.cat([values[k].reshape(read.steps, -1) for k in read.numbers], 1)
        for values in (rows or [read.over_time])
    ]
    return torch.cat(every).double().mean(0)
