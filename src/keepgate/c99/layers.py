"""Embeddings and recurrent layers as C: one function for each layer and direction, around the step of its cell."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from ..arrays.encoder import TimeDelay
from ..arrays.recurrent import Recurrent
from ..data.vocabulary import UNKNOWN
from .places import add_places, count_of_places
from .source import Source, filled

Array = NDArray[Any]

LINEAR = """
/* The sum of a[i] b[i], in eight parts: more exact than in one, and a compiler can make vectors of them. */
static float @_dot(const float *a, const float *b, long count) {
  float part[8] = {0};
  long i, k;
  for (i = 0; i + 8 <= count; i += 8)
    for (k = 0; k < 8; ++k) part[k] += a[i + k] * b[i + k];
  for (k = 0; i < count; ++i, ++k) part[k] += a[i] * b[i];
  return ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
}

/* y = W x + b; weight is [rows, columns], and bias may be null. */
static void @_linear(const float *weight, const float *bias, const float *x, long rows, long columns, float *y) {
  long row;
  for (row = 0; row < rows; ++row) y[row] = @_dot(weight + row * columns, x, columns) + (bias ? bias[row] : 0.0f);
}
"""
SOFTMAX = """
static void @_softmax(float *x, long count) {
  float most = x[0], sum = 0.0f;
  long i;
  for (i = 1; i < count; ++i) most = x[i] > most ? x[i] : most;
  for (i = 0; i < count; ++i) sum += x[i] = @_exp(x[i] - most);
  for (i = 0; i < count; ++i) x[i] /= sum;
}

/* The mean of the states, weighted by weights[steps]. */
static void @_weighted(const float *states, const float *weights, long steps, long width, float *to) {
  long t, k;
  for (k = 0; k < width; ++k) to[k] = 0.0f;
  for (t = 0; t < steps; ++t)
    for (k = 0; k < width; ++k) to[k] += weights[t] * states[t * width + k];
}
"""
COPY = """
static void @_copy(const float *from, long count, float *to) {
  long i;
  for (i = 0; i < count; ++i) to[i] = from[i];
}
"""
_ADD = """
static void @_add(const float *from, long count, float *to) {
  long i;
  for (i = 0; i < count; ++i) to[i] += from[i];
}
"""
_EMBED = """
/* A number that the vocabulary does not have is the unknown token's. */
static void @_embed(@_state *s, const int32_t *ids) {
<rows>
}
"""
_EMBED_ROW = """\
  @_copy(<table> + (ids[<k>] < 0 || ids[<k>] >= <count> ? <unknown> : ids[<k>]) * <size>, <size>,
         s->x + <offset>);"""
_STANDARDISED = """
static void @_embed(@_state *s, const double *values) {
  long k;
  for (k = 0; k < <count>; ++k) s->x[k] = (float)((values[k] - @_means[k]) / @_deviations[k]);
}
"""
_SPELL = """
/* The last states of both directions over the letters of a token; 0 is no letter. */
static void @_spell(@_state *s, const int32_t *letters, float *to) {
  long count = 0, i;
  while (count < <most> && letters[count]) ++count;
  for (i = 0; i < <size>; ++i) <resets>
  for (i = 0; i < count; ++i) @_spelling0(s, @_letter(letters[i]));
  for (i = count; i-- > 0;) @_spelling1(s, @_letter(letters[i]));
  @_copy(s->spelling0, <units>, to);
  @_copy(s->spelling1, <units>, to + <units>);
}
"""
_LETTER = """
static const float *@_letter(int32_t id) {
  return <table> + (id < 0 || id >= <count> ? <unknown> : id) * <units>;
}
"""
_STEP = """
void @_reset(@_state *s) {
  long i;
<resets>
}

void @_step(@_state *s, const <read> *input, float *output) {
  @_embed(s, input);
<places>
  if (output) @_copy(<last>, <units>, output);
}
"""
_ENCODE = """
/* One layer and direction over all steps: it reads `in`, or what `input` is made into where that is null. */
static void @_read(@_state *s, void (*place)(@_state *, const float *), const float *h, long units, const <read> *input,
                   const float *in, long width, long steps, int reverse, float *out, long stride) {
  long i;
  for (i = 0; i < steps; ++i) {
    const long t = reverse ? steps - 1 - i : i;
    if (!in) <embed>;
    place(s, in ? in + t * width : s->x);
    @_copy(h, units, out + t * stride);
  }
}

static void @_encode(@_state *s, const <read> *input, long steps, float *outputs, float *spare) {
  @_reset(s);
<reads>
}
"""
_RESET = """
void @_reset(@_state *s) {
  long i;
<resets>
}
"""


def add_embedding(source: Source, tables: Sequence[Array], *, spelt: int = 0) -> None:
    """`NAME_embed`: rows of these tables, [numbers, size] each, side by side, and after them what `NAME_spell` gives.

    spelt: how many numbers that are, none for 0.
    """
    rows, offset = [], 0
    for k, table in enumerate(tables):
        count, size = table.shape
        name = source.constant(f"embedding{k}", table)
        rows.append(
            filled(_EMBED_ROW, table=name, k=k, count=count, unknown=UNKNOWN, size=size, offset=offset)
        )
        offset += size
    if spelt:
        rows.append(f"  @_spell(s, ids + {len(tables)}, s->x + {offset});")
    source.member("x", offset + spelt)
    source.add(_EMBED, rows="\n".join(rows))


def add_standardised(source: Source, means: Sequence[float], deviations: Sequence[float]) -> None:
    """`NAME_embed` of a series: the numbers of a step less their means, over their deviations."""
    source.doubles("means", means)
    source.doubles("deviations", deviations)
    source.member("x", len(means))
    source.add(_STANDARDISED, count=len(means))


def add_layers(source: Source, layer: Recurrent | TimeDelay) -> None:
    """The functions of a layer: `NAME_place0`, …; `NAME_reset` and, where it reads forwards only, `NAME_step`."""
    resets = "\n".join(
        f"  for (i = 0; i < {source.state[name]}; ++i) s->{name}[i] = 0.0f;"
        for name in add_places(source, layer)
    )
    count = count_of_places(layer)
    if layer.directions == 1:
        places = [f"  @_place{n}(s, {f's->place{n - 1}' if n else 's->x'});" for n in range(count)]
        last = f"s->place{count - 1}"
        source.add(_STEP, resets=resets, places="\n".join(places), last=last, units=layer.output_size)
    else:
        source.add(_RESET, resets=resets)


def add_spelling(source: Source, layer: Recurrent | TimeDelay, table: Array, most: int) -> None:
    """`NAME_spell`: what a layer, of both ways, makes of a token's letters, `most` at most. table: [letters, size]."""
    first, second = add_places(source, layer, "spelling")
    count, units = table.shape
    source.add(_LETTER, table=source.constant("letters", table), count=count, unknown=UNKNOWN, units=units)
    resets = f"s->{first}[i] = s->{second}[i] = 0.0f;"
    source.add(_SPELL, most=most, size=source.state[first], units=units, resets=resets)


def add_encode(source: Source, layer: Recurrent | TimeDelay, count: int, *, added: int = 0) -> None:
    """`NAME_encode`: the outputs of the last layer over all steps, [steps, units]. count: numbers of each step.

    added: how many numbers of the state's `added` are added to what the first layer reads, none for 0.
    """
    embed = f"@_embed(s, input + t * {count})"
    if added:
        source.add(_ADD)
        embed += f", @_add({source.member('added', added)}, {added}, s->x)"
    source.add(_ENCODE, embed=embed, reads="\n".join(_reads(layer)))


def workspace_floats(layer: Recurrent | TimeDelay) -> int:
    """Floats of the workspace for each step of `NAME_encode`: the outputs of one layer, of two where there are more."""
    return layer.output_size * min(count_of_places(layer) // layer.directions, 2)


def _reads(layer: Recurrent | TimeDelay) -> list[str]:
    """One call for each layer and direction; layers write to `outputs` and `spare` in turn, the last to `outputs`."""
    width, layers = layer.output_size, count_of_places(layer) // layer.directions
    units, lines = width // layer.directions, []
    for number in range(layers * layer.directions):
        depth, reverse = divmod(number, layer.directions)
        into, read = ("outputs", "spare") if (layers - 1 - depth) % 2 == 0 else ("spare", "outputs")
        lines.append(
            f"  @_read(s, @_place{number}, s->place{number}, {units}, input, {read if depth else '0'}, {width}, steps, "
            f"{reverse}, {into}{f' + {units}' if reverse else ''}, {width});"
        )
    return lines if layers > 1 else [*lines, "  (void)spare;"]
