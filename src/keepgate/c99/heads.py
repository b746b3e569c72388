"""The head of each task as C: from what its layer gives to scores before the softmax. The list is written out."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ..arrays.encoder import TimeDelay
from ..arrays.recurrent import Recurrent
from ..errors import ExportError
from ..tasks.runtime_task import RuntimeTask
from .forecaster import add_forecaster
from .interface import RUN, STEP, Interface, names_in_comment
from .layers import (
    COPY,
    LINEAR,
    SOFTMAX,
    add_embedding,
    add_encode,
    add_layers,
    add_standardised,
    workspace_floats,
)
from .places import count_of_places
from .pointer import add_pointer_reader
from .readout import MAX, MEAN, add_readout
from .source import Source, filled
from .span import add_span_reader
from .tagger import add_tagger

_RUN_QUESTION = RUN.replace("long steps, ", "long steps, const int32_t *question, long asked,\n           ")
_LAST = """
/* The last state of each direction; that of the reverse one stands at the first step. */
static void @_last(const float *states, long steps, float *to) {
  @_copy(states + (steps - 1) * <width>, <units>, to);
  @_copy(states + <units>, <reverse>, to + <units>);
}
"""
_RUN_STREAM = """
void @_run(@_state *s, const <read> *input, long steps, float *workspace, float *scores) {
  long t;
  (void)workspace;
  @_reset(s);
  for (t = 0; t < steps; ++t) @_step(s, input + t * <count>, 0);
  @_readout(s, s->place<last>, scores);
}
"""
_RUN_POOLED = """
void @_run(@_state *s, const <read> *input, long steps, float *workspace, float *scores) {
  long t, k;
  (void)t, (void)k;
  @_encode(s, input, steps, workspace, workspace + steps * <width>);
<pool>
  @_readout(s, s->pooled, scores);
}
"""
_SERIES_DEFINES = """\
#define <GUARD>_FEATURES <features> /* numbers of each step: <names> */
#define <GUARD>_SCORES <scores>   /* one a label: <labels> */
/* Floats of the workspace for so many steps, which are at least 1. */
#define <GUARD>_WORKSPACE(steps) ((steps) * <workspace>L + 1)"""
_ATTENTION_POOLING = """  {
    float *const weights = workspace + steps * <outputs>;
    for (t = 0; t < steps; ++t) {
      @_linear(<key>, <key_bias>, workspace + t * <width>, <width>, <width>, s->key);
      for (k = 0; k < <width>; ++k) s->key[k] = @_tanh(s->key[k]);
      weights[t] = @_dot(s->key, <query>, <width>);
    }
    @_softmax(weights, steps);
    @_weighted(workspace, weights, steps, <width>, s->pooled);
  }"""
_RUN_ATTENTION = """
void @_run(@_state *s, const int32_t *ids, long steps, const int32_t *question, long asked, float *workspace,
           float *scores) {
  const long longest = steps > asked ? steps : asked;
  float *const weights = workspace + longest * <outputs>;
  long t;<before>
  @_encode(s, question, asked, workspace, workspace + longest * <width>);
  @_last(workspace, asked, s->pooled + <width>);
  @_linear(<projection>, 0, s->pooled + <width>, <width>, <width>, s->key);<between>
  @_encode(s, ids, steps, workspace, workspace + longest * <width>);
  for (t = 0; t < steps; ++t) weights[t] = @_dot(s->key, workspace + t * <width>, <width>) * <scale>;
  @_softmax(weights, steps);
  @_weighted(workspace, weights, steps, <width>, s->pooled);
  @_last(workspace, steps, s->pooled + 2 * <width>);
  @_readout(s, s->pooled, scores);
}
"""


def add_model(source: Source, task: RuntimeTask) -> Interface:
    """Prints the whole network. Raises ExportError for a task whose head cannot be printed."""
    if task.kind not in _HEADS:
        raise ExportError(
            f"a {task.kind.replace('-', ' ')} is not written in C: its head has no C text; "
            f"ship it with keepgate.runtime. What is: {', '.join(_HEADS)}"
        )
    return _HEADS[task.kind](source, task)


def _add_encoder(source: Source, task: Any, tables: list[Any]) -> Recurrent | TimeDelay:
    source.add(LINEAR + COPY)
    add_embedding(source, tables)
    add_layers(source, task.layer)
    layer: Recurrent | TimeDelay = task.layer
    return layer


def _add_last(source: Source, layer: Recurrent | TimeDelay) -> None:
    units = layer.output_size // layer.directions
    source.add(_LAST, width=layer.output_size, units=units, reverse=layer.output_size - units)


def _run_stream(source: Source, layer: Recurrent | TimeDelay, count: int) -> None:
    source.add(_RUN_STREAM, count=count, last=count_of_places(layer) - 1)


def _choice(source: Source, task: Any) -> Interface:
    layer = _add_encoder(source, task, [task.embedding])
    scores, width = add_readout(source, task.readout), layer.output_size
    if task.attention is None and layer.directions == 1:
        _run_stream(source, layer, 1)
        about = "ids: the text's tokens, and after them the question's; a score for each choice"
        return Interface(1, scores, 0, True, about)
    source.member("pooled", 3 * width)
    added = 0 if task.question_proj is None else len(task.question_proj)
    add_encode(source, layer, 1, added=added)
    _add_last(source, layer)
    if task.attention is None:
        source.add(_RUN_POOLED, width=width, pool="  @_last(workspace, steps, s->pooled);")
        about = "ids: the text's tokens, and after them the question's; a score for each choice"
        return Interface(1, scores, workspace_floats(layer), False, about)
    source.member("key", width)
    source.add(SOFTMAX)
    projection = source.constant("attention", task.attention.projection)
    outputs, scale = workspace_floats(layer), f"{float(task.attention.scale):.9g}f"
    before = f"\n  for (t = 0; t < {added}; ++t) s->added[t] = 0.0f;" if added else ""
    question = source.constant("question", task.question_proj)
    between = (
        f"\n  @_linear({question}, 0, s->pooled + {width}, {added}, {width}, s->added);" if added else ""
    )
    source.add(
        _RUN_ATTENTION, width=width, outputs=outputs, projection=projection, scale=scale,
        before=before, between=between,
    )  # fmt: skip
    about = "ids, question: the tokens of the text and of the question; a score for each choice"
    return Interface(1, scores, outputs + 1, layer.directions == 1, about, _RUN_QUESTION)


def _classifier(source: Source, task: Any, score: str = "a score for each label") -> Interface:
    tables = [task.inputs.token] if task.inputs.pair is None else [task.inputs.token, task.inputs.pair]
    _add_encoder(source, task, tables)
    pair = "" if len(tables) == 1 else ", and of the pair that it makes with the next"
    return _add_pooled(source, task, len(tables), f"ids: of each token its number{pair}; {score}")


def _multilabel(source: Source, task: Any) -> Interface:
    task = copy.copy(task)
    weight, bias = task.readout
    task.readout = weight, bias - np.log(task.thresholds / (1 - task.thresholds))
    return _classifier(source, task, "a score for each label, 0 or more where it is given")


def _series_classifier(source: Source, task: Any) -> Interface:
    content = task.content
    source.read = "double"
    source.add(LINEAR + COPY)
    add_standardised(source, content.mean, content.deviation)
    add_layers(source, task.layer)
    about = "values: the numbers of each step, in their own units; a score for each label"
    pooled = _add_pooled(source, task, len(content.features), about)
    defines = filled(
        _SERIES_DEFINES, features=len(content.features), names=names_in_comment(content.features),
        scores=pooled.scores, labels=names_in_comment(content.labels), workspace=pooled.workspace,
    )  # fmt: skip
    texts = (text.replace("const int32_t *ids", "const double *values") for text in (RUN, STEP))
    run, step = (text.replace("whole text", "whole series") for text in texts)
    return replace(pooled, ids=0, run=run, step=step, defines=defines)


def _add_pooled(source: Source, task: Any, count: int, about: str) -> Interface:
    """`NAME_run` of a classifier, around the layers that are there. count: numbers of each step."""
    layer, kind = task.layer, task.pooling.kind
    scores, width = add_readout(source, task.readout), layer.output_size
    streams, outputs = layer.directions == 1, workspace_floats(layer)
    if kind == "last" and streams:
        _run_stream(source, layer, count)
        return Interface(count, scores, 0, True, about)
    source.member("pooled", task.pooling.output_size)
    add_encode(source, layer, count)
    if kind == "last":
        _add_last(source, layer)
    pools: list[str] = ["  @_last(workspace, steps, s->pooled);"] if kind == "last" else []
    if kind == "attention":
        source.member("key", width)
        source.add(SOFTMAX)
        (weight, bias), query = task.pooling.key, task.pooling.query
        named = {"key": weight, "key_bias": bias, "query": query}
        names = {name: source.constant(f"pooling_{name}", array) for name, array in named.items()}
        pools.append(filled(_ATTENTION_POOLING, outputs=outputs, **names))
        outputs += 1
    pools += [MEAN] if "mean" in kind else []
    pools += [MAX.replace("<offset>", str(width if "mean" in kind else 0))] if "max" in kind else []
    source.add(_RUN_POOLED.replace("<pool>", "\n".join(pools)), width=width)
    return Interface(count, scores, outputs, streams, about)


def _language_model(source: Source, task: Any) -> Interface:
    layer = _add_encoder(source, task, [task.embedding])
    linears = [task.readout] if task.bias is None else [task.readout, (task.embedding, task.bias)]
    scores = add_readout(source, *linears)
    _run_stream(source, layer, 1)
    return Interface(1, scores, 0, True, "ids: the text's tokens; a score for each token to be the next")


_HEADS: dict[str, Callable[[Source, Any], Interface]] = {
    "choice-reader": _choice,
    "classifier": _classifier,
    "forecaster": add_forecaster,
    "language-model": _language_model,
    "multilabel-classifier": _multilabel,
    "pointer-reader": add_pointer_reader,
    "series-classifier": _series_classifier,
    "span-reader": add_span_reader,
    "tagger": add_tagger,
}
