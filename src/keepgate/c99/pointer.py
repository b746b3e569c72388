"""A pointer reader as C: from tokens of text and question, and what they share, to the answer's tokens."""

from typing import Any

from ..data.vocabulary import UNKNOWN
from ..tasks.pointer.features import FEATURES
from ..tasks.span.settings import NEVER
from .interface import Interface
from .layers import COPY, LINEAR, add_encode, add_layers, workspace_floats
from .source import Source, filled
from .span_search import add_span_search

_DEFINES = """\
#define <GUARD>_FEATURES <features> /* numbers of each token beside its own */
#define <GUARD>_SPANS <spans> /* longest answer in tokens */
/* Floats of the workspace for so many tokens, those of text and question together. */
#define <GUARD>_WORKSPACE(tokens) ((tokens) * <workspace>L + 1)

/* A token: its place in vocabulary.json of the model's folder from 2 (1 unknown), and what else is seen of it, which
 * keepgate.tasks.pointer.features.analyse gives: a code of its letters, and matches with the other side. */
typedef struct {
  int32_t id;
  float features[<features>];
} @_token;"""
_RUN = """
/* The answer to a question about a text, each of one token or more.
 *
 * tokens: those of the text, `steps`, and after them those of the question, `asked`.
 * scores: [steps, SPANS], by first token and by tokens beyond it. none: the score of no answer; may be null.
 * answer: first and last token; -1 where there is no answer, or no finite score.
 */
void @_run(@_state *s, const @_token *tokens, long steps, long asked, float *workspace, float *scores, float *none,
           int32_t answer[2]);
"""
_EMBED = """
static void @_embed(@_state *s, const @_token *token) {
  @_copy(<word> + (token->id < 0 || token->id >= <words> ? <unknown> : token->id) * <size>, <size>, s->x);
  @_copy(token->features, <features>, s->x + <size>);
}
"""
_CODE = """
void @_run(@_state *s, const @_token *tokens, long steps, long asked, float *workspace, float *scores, float *none,
           int32_t answer[2]) {
  const long both = steps + asked;
  float *const states = workspace, *const ends = workspace + both * <outputs>;
  float no_answer;
  long t, k;
  @_encode(s, tokens, both, states, states + both * <width>);
  /* What was asked: the last state of each direction over the question, backwards of it alone. */
  @_copy(states + (both - 1) * <width>, <units>, s->asked);
  @_copy(states + steps * <width> + <units>, <units>, s->asked + <units>);
  @_copy(s->asked, <width>, s->read + <width>);
  for (t = 0; t < steps; ++t) {
    @_copy(states + t * <width>, <width>, s->read);
    @_linear(<pointer_weight>, <pointer_bias>, s->read, <hidden>, 2 * <width>, s->hidden);
    for (k = 0; k < <hidden>; ++k) {
      s->hidden[k] = @_tanh(s->hidden[k]);
      if (t == 0 || s->hidden[k] > s->asked[<width> + k]) s->asked[<width> + k] = s->hidden[k];
    }
    @_linear(<ends_weight>, <ends_bias>, s->hidden, 2, <hidden>, ends + 2 * t);
  }
  for (t = 0; t < steps; ++t)
    for (k = 0; k < <spans>; ++k)
      scores[t * <spans> + k] = ends[2 * t] + (t + k < steps ? ends[2 * (t + k) + 1] : <never>f);
  no_answer = @_dot(<none_weight>, s->asked, <width> + <hidden>) + <none_bias>[0];
  if (none) *none = no_answer;
  @_decode(scores, steps, &no_answer, answer);
}
"""


def add_pointer_reader(source: Source, task: Any) -> Interface:
    """Prints the whole network, and the choice among its spans and no answer."""
    settings, layer = task.settings, task.layer
    width, hidden = layer.output_size, settings.pointer_size
    words, size = task.word.shape
    sizes = {"features": FEATURES, "spans": settings.max_answer_span}
    source.read = "@_token"
    source.add(LINEAR + COPY)
    source.member("x", size + FEATURES)
    source.add(
        _EMBED, word=source.constant("word", task.word), words=words, unknown=UNKNOWN, size=size, **sizes
    )
    add_layers(source, layer)
    add_encode(source, layer, 1)
    add_span_search(source, settings.max_answer_span, f1_weight=0.0, threshold=settings.no_answer_threshold)
    for name, floats in (("asked", width + hidden), ("read", 2 * width), ("hidden", hidden)):
        source.member(name, floats)
    linears = {"pointer": task.pointer, "ends": task.ends, "none": task.none}
    weights = {
        end: array for name, linear in linears.items() for end, array in source.linear(name, linear).items()
    }
    outputs = workspace_floats(layer)
    source.add(
        _CODE, outputs=outputs, width=width, units=width // 2, hidden=hidden, never=NEVER, **weights, **sizes
    )
    about = "Tokens of a text and a question are read, and the first and last token of the answer come out"
    defines = filled(_DEFINES, workspace=outputs + 2, **sizes)
    return Interface(0, settings.max_answer_span, outputs + 2, False, about, _RUN, defines)
