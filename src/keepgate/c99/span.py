"""A span reader as C: from tokens of text and question, and features that compare them, to the answer's tokens."""

from typing import Any

from ..data.vocabulary import UNKNOWN
from ..errors import ExportError
from ..tasks.span.features import QUESTION_FEATURES, TEXT_FEATURES
from ..tasks.span.settings import ALIGN, NEVER, PAIR, SCALE
from .interface import Interface, names_in_comment
from .layers import COPY, LINEAR, SOFTMAX
from .places import add_places
from .source import Source, filled
from .span_search import add_span_search

_DEFINES = """\
#define <GUARD>_FEATURES <features> /* numbers of each token of a text: <names> */
#define <GUARD>_ASKED_FEATURES <asked_features> /* numbers of each token of a question: <asked_names> */
#define <GUARD>_SPANS <spans> /* longest answer in tokens */
#define <GUARD>_TEMPERATURE <temperature>f /* of probabilities */
/* Floats of the workspace for so many tokens, those of the longer one of text and question. */
#define <GUARD>_WORKSPACE(tokens) ((tokens) * <workspace>L + 1)"""
_RUN = """
/* The answer to a question about a text, each of one token or more.
 *
 * ids, question: of each token its number, its place in vocabulary.json of the model's folder from 2 (1 unknown), and
 * the number of the pair that it makes with the next, its place among `pairs` there from 1 (0 any other).
 * features, asked_features: FEATURES and ASKED_FEATURES numbers a token, which say how text and question fit each other
 * word by word; keepgate.tasks.span.features.compare gives them, and a model has learnt them rounded to float16.
 * scores: [steps, SPANS], by first token and by tokens beyond it; the softmax of scores and none over TEMPERATURE is
 * their probabilities. none: the score of no answer, left alone by a model that always answers; may be null.
 * answer: first and last token; -1 where there is no answer, or no finite score.
 */
void @_run(@_state *s, const int32_t *ids, const float *features, long steps, const int32_t *question,
           const float *asked_features, long asked, float *workspace, float *scores, float *none, int32_t answer[2]);
"""
_CODE = """
void @_reset(@_state *s) {
  long i;
<resets>
}

/* One direction of a layer over all steps: from in[steps, width] to out[steps, stride]. */
static void @_read(@_state *s, void (*place)(@_state *, const float *), const float *h, const float *in, long width,
                   long steps, int reverse, float *out, long stride) {
  long i;
  for (i = 0; i < steps; ++i) {
    const long t = reverse ? steps - 1 - i : i;
    place(s, in + t * width);
    @_copy(h, <hidden>, out + t * stride);
  }
}

static void @_words(const int32_t *ids, float *to) {
  @_copy(<word> + (ids[0] < 0 || ids[0] >= <words> ? <unknown> : ids[0]) * <word_size>, <word_size>, to);
  @_copy(<pair> + (ids[1] < 0 || ids[1] >= <pairs> ? 0 : ids[1]) * <pair_size>, <pair_size>, to + <word_size>);
}

/* What is compared of a vector. */
static void @_key(const float *weight, const float *bias, const float *x, long width, float *y) {
  long k;
  @_linear(weight, bias, x, <align>, width, y);
  for (k = 0; k < <align>; ++k) y[k] = @_relu(y[k]);
}

/* The mean of values[count, width], weighted by how well their keys fit s->query. */
static void @_attend(@_state *s, const float *keys, const float *values, long count, long width, float *weights,
                     float *to) {
  long i;
  for (i = 0; i < count; ++i) weights[i] = @_dot(s->query, keys + i * <align>, <align>) / <scale>f;
  @_softmax(weights, count);
  @_weighted(values, weights, count, width, to);
}

/* The scores of the spans, from what was read of the text and of the question. */
static void @_score(@_state *s, const float *read, long steps, const float *asked_states, long asked, float *weights,
                    float *from, float *to, float *ends, float *scores, float *none) {
  long t, k;
  (void)none;
  for (t = 0; t < asked; ++t)
    weights[t] = @_dot(<summary_weight>, asked_states + t * <both>, <both>) + <summary_bias>[0];
  @_softmax(weights, asked);
  @_weighted(asked_states, weights, asked, <both>, s->summary);
  @_linear(<start_query_weight>, <start_query_bias>, s->summary, 2 * <both>, <both>, s->start);
  @_linear(<end_query_weight>, <end_query_bias>, s->summary, 2 * <both>, <both>, s->end);
  @_linear(<size_weight>, <size_bias>, s->summary, <spans>, <both>, s->size);
  for (t = 0; t < steps; ++t) {
    const float *const at = read + t * 2 * <both>;
    @_linear(<from_weight>, <from_bias>, at, <pair_numbers>, 2 * <both>, from + t * <pair_numbers>);
    @_linear(<to_weight>, <to_bias>, at, <pair_numbers>, 2 * <both>, to + t * <pair_numbers>);
    ends[t] = @_dot(at, s->end, 2 * <both>) / <scale>f + (@_dot(<end_weight>, at, 2 * <both>) + <end_bias>[0]);
  }
  for (t = 0; t < steps; ++t) {
    const float *const at = read + t * 2 * <both>;
    const float start =
        @_dot(at, s->start, 2 * <both>) / <scale>f + (@_dot(<start_weight>, at, 2 * <both>) + <start_bias>[0]);
    for (k = 0; k < <spans>; ++k) {
      const int inside = t + k < steps;
      const float fit = inside ? @_dot(from + t * <pair_numbers>, to + (t + k) * <pair_numbers>, <pair_numbers>) : 0.0f;
      scores[t * <spans> + k] =
          start + (inside ? ends[t + k] : <never>f) + fit / <root>f + (<size>[k] + s->size[k]);
    }
  }
<none>
}

void @_run(@_state *s, const int32_t *ids, const float *features, long steps, const int32_t *question,
           const float *asked_features, long asked, float *workspace, float *scores, float *none, int32_t answer[2]) {
  const long longest = steps > asked ? steps : asked;
  float *const x = workspace, *const asked_words = x + longest * <input>,
               *const keys = asked_words + longest * <words_size>,
               *const states = keys + longest * <align>, *const asked_states = states + longest * <both>,
               *const read = asked_states + longest * <both>, *const from = read + longest * 2 * <both>,
               *const to = from + longest * <pair_numbers>, *const ends = to + longest * <pair_numbers>,
               *const weights = ends + longest;
  float no_answer = 0.0f;
  long t, k;
  @_reset(s);
  for (t = 0; t < asked; ++t) {
    float *const words = asked_words + t * <words_size>;
    @_words(question + 2 * t, words);
    @_key(<words_weight>, <words_bias>, words, <words_size>, keys + t * <align>);
    @_copy(words, <words_size>, x + t * <asked_input>);
    @_copy(asked_features + t * <asked_features>, <asked_features>, x + t * <asked_input> + <words_size>);
  }
  @_read(s, @_question0, s->question0, x, <asked_input>, asked, 0, asked_states, <both>);
  @_read(s, @_question1, s->question1, x, <asked_input>, asked, 1, asked_states + <hidden>, <both>);
  for (t = 0; t < steps; ++t) {
    float *const at = x + t * <input>;
    @_words(ids + 2 * t, at);
    @_key(<words_weight>, <words_bias>, at, <words_size>, s->query);
    @_attend(s, keys, asked_words, asked, <words_size>, weights, at + <words_size>);
    @_copy(features + t * <features>, <features>, at + 2 * <words_size>);
  }
  @_read(s, @_text0, s->text0, x, <input>, steps, 0, states, <both>);
  @_read(s, @_text1, s->text1, x, <input>, steps, 1, states + <hidden>, <both>);
  for (t = 0; t < asked; ++t)
    @_key(<question_weight>, <question_bias>, asked_states + t * <both>, <both>, keys + t * <align>);
  for (t = 0; t < steps; ++t) {
    const float *const state = states + t * <both>;
    float *const both = s->both, *const merged = read + t * 2 * <both> + <both>;
    @_key(<text_weight>, <text_bias>, state, <both>, s->query);
    @_copy(state, <both>, both);
    @_attend(s, keys, asked_states, asked, <both>, weights, both + <both>);
    for (k = 0; k < <both>; ++k) {
      both[2 * <both> + k] = state[k] * both[<both> + k];
      both[3 * <both> + k] = state[k] - both[<both> + k];
    }
    @_linear(<merge_weight>, <merge_bias>, both, <both>, 4 * <both>, merged);
    for (k = 0; k < <both>; ++k) merged[k] = @_relu(merged[k]);
  }
  @_read(s, @_second0, s->second0, read + <both>, 2 * <both>, steps, 0, read, 2 * <both>);
  @_read(s, @_second1, s->second1, read + <both>, 2 * <both>, steps, 1, read + <hidden>, 2 * <both>);
  @_score(s, read, steps, asked_states, asked, weights, from, to, ends, scores, &no_answer);
<store>  @_decode(scores, steps, &no_answer, answer);
}
"""
_NONE = """\
  for (k = 0; k < 2 * <both>; ++k) {
    s->highest[k] = read[k];
    for (t = 1; t < steps; ++t)
      if (read[t * 2 * <both> + k] > s->highest[k]) s->highest[k] = read[t * 2 * <both> + k];
  }
  @_copy(s->summary, <both>, s->highest + 2 * <both>);
  *none = @_dot(<null_weight>, s->highest, 3 * <both>) + <null_bias>[0];"""


def add_span_reader(source: Source, task: Any) -> Interface:
    """Prints the whole network, and the choice among its spans. Raises ExportError for one that reads letters."""
    settings = task.settings
    if task.spelling is not None:
        raise ExportError(
            f"a span reader with letter_size={settings.letter_size} is not written in C: its letters have no C text; "
            "ship it with keepgate.runtime, or train one with letter_size=0"
        )
    output_size, words_size = 2 * settings.hidden_size, settings.embedding_size + settings.pair_size
    spans = settings.max_answer_span
    sizes = {
        "hidden": settings.hidden_size, "both": output_size, "words_size": words_size,
        "word_size": settings.embedding_size, "pair_size": settings.pair_size,
        "words": len(task.word), "pairs": len(task.pair), "unknown": UNKNOWN,
        "input": 2 * words_size + len(TEXT_FEATURES), "asked_input": words_size + len(QUESTION_FEATURES),
        "features": len(TEXT_FEATURES), "asked_features": len(QUESTION_FEATURES), "align": ALIGN, "scale": SCALE,
        "temperature": f"{settings.temperature:.9e}",
        "pair_numbers": PAIR, "root": f"{PAIR**0.5:.9g}", "never": NEVER, "spans": spans,
    }  # fmt: skip
    _add_members(source, task, output_size)
    source.add(LINEAR + COPY + SOFTMAX)
    threshold = None if task.null is None else settings.no_answer_threshold
    add_span_search(source, spans, f1_weight=settings.f1_weight, threshold=threshold)
    layers = {"text": task.layer, "question": task.question_layer, "second": task.second_layer}
    states = [name for prefix, layer in layers.items() for name in add_places(source, layer, prefix)]
    source.add(
        _CODE, **_no_answer(source, task), **_weights(source, task), **sizes,
        resets="\n".join(f"  for (i = 0; i < {source.state[s]}; ++i) s->{s}[i] = 0.0f;" for s in states),
    )  # fmt: skip
    workspace = sizes["input"] + words_size + ALIGN + 4 * output_size + 2 * PAIR + 2
    defines = filled(
        _DEFINES, names=names_in_comment(TEXT_FEATURES), asked_names=names_in_comment(QUESTION_FEATURES),
        workspace=workspace, **sizes,
    )  # fmt: skip
    about = "Tokens of a text and a question are read, and the first and last token of the answer come out"
    return Interface(0, spans, workspace, False, about, _RUN, defines)


def _add_members(source: Source, task: Any, both: int) -> None:
    """The arrays of the state beside those of the layers."""
    members = {
        "query": ALIGN, "both": 4 * both, "summary": both, "start": 2 * both, "end": 2 * both,
        "size": task.settings.max_answer_span,
    }  # fmt: skip
    for name, floats in members.items():
        source.member(name, floats)


def _no_answer(source: Source, task: Any) -> dict[str, str]:
    """What a reader that may say that there is no answer does beside the others."""
    if task.null is None:
        return {"none": "", "store": "  (void)none;\n"}
    source.member("highest", 3 * task.layer.output_size)
    return {
        "none": filled(_NONE, **source.linear("null", task.null)),
        "store": "  if (none) *none = no_answer;\n",
    }


def _weights(source: Source, task: Any) -> dict[str, str]:
    spans = task.settings.max_answer_span
    weight, bias = task.size_by_question
    linears = {
        "words": task.align_words, "text": task.align_text, "question": task.align_question, "merge": task.merge,
        "summary": task.summary_score, "start_query": task.start.query, "end_query": task.end.query,
        "start": task.start.state, "end": task.end.state, "from": task.from_start, "to": task.to_end,
        "size": (weight[:spans], bias[:spans]),
    }  # fmt: skip
    names = {"word": task.word, "pair": task.pair, "size": task.size[:spans]}
    values = {name: source.constant(name, array) for name, array in names.items()}
    for name, linear in linears.items():
        values |= source.linear(name, linear)
    return values
