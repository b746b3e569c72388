"""Embeddings and recurrent layers as C: one function for each layer and direction, around the step of its cell."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from ..arrays.encoder import TimeDelay
from ..arrays.place import Place
from ..arrays.recurrent import Recurrent
from ..data.vocabulary import UNKNOWN
from ..emit.c import step_of_unit
from ..errors import ExportError
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
COPY = """
static void @_copy(const float *from, long count, float *to) {
  long i;
  for (i = 0; i < count; ++i) to[i] = from[i];
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
_PLACE = """
static void @_<name>(@_state *s, const float *x) {
  long unit, k;
  @_linear(<weight_ih>, <bias_ih>, x, <rows>, <inputs>, s->wx);
<recurrence>
  for (unit = 0; unit < <hidden>; ++unit) {
    float wx[<gates>], uh[<gates>], prev[<states>], next[<states>], weight[<vectors>];
    for (k = 0; k < <gates>; ++k) wx[k] = s->wx[k * <hidden> + unit], uh[k] = s->uh[k * <hidden> + unit];
    for (k = 0; k < <states>; ++k) prev[k] = <own>[k * <hidden> + unit];
<weights>
    @_cell_<cell>(wx, uh, prev, weight, next);
    for (k = 0; k < <states>; ++k) <own>[k * <hidden> + unit] = next[k];
  }
}
"""
_DENSE = "  @_linear(<weight_hh>, <bias_hh>, <before>, <rows>, <hidden>, s->uh);"
_DIAGONAL = """  for (k = 0; k < <rows>; ++k)
    s->uh[k] = <weight_hh>[k] * <before>[k % <hidden>] + <bias>;"""
_NONE = "  for (k = 0; k < <rows>; ++k) s->uh[k] = 0.0f;"
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
    if (!in) @_embed(s, input + t * <count>);
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
    """The functions of a layer: `NAME_place0`, …; `NAME_reset` and, where it reads forwards only, `NAME_step`.

    Raises ExportError for a layer whose step cannot be printed.
    """
    resets = "\n".join(
        f"  for (i = 0; i < {source.state[name]}; ++i) s->{name}[i] = 0.0f;"
        for name in add_places(source, layer)
    )
    assert isinstance(layer, Recurrent), "add_places has refused it"
    if layer.directions == 1:
        places = [
            f"  @_place{n}(s, {f's->place{n - 1}' if n else 's->x'});" for n in range(len(layer.places))
        ]
        last = f"s->place{len(layer.places) - 1}"
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


def add_places(source: Source, layer: Recurrent | TimeDelay, prefix: str = "place") -> list[str]:
    """One function for each layer and direction, `NAME_place0`, …, with the names of their states.

    Raises ExportError for a layer whose step cannot be printed.
    """
    if isinstance(layer, TimeDelay):
        raise ExportError(
            "a feed-forward reader has no recurrent layer, and only those are written in C; train one with cell='gru'"
        )
    if layer.cell.recurrent == "in_step":
        raise ExportError(
            f"{layer.cell.name} multiplies by a matrix inside its step, and only elementwise steps are written in C; "
            "train one with another cell, such as gru"
        )
    if any("weight_hr" in place.parameters for place in layer.places):
        raise ExportError("a layer with a projection is not written in C; train one without proj_size")
    step = "\n".join(step_of_unit(layer.cell, source.name))
    if step not in source.code:
        source.code.append(step)
    names = [f"{prefix}{number}" for number in range(len(layer.places))]
    for name, place in zip(names, layer.places, strict=True):
        _add_place(source, name, place)
    return names


def add_encode(source: Source, layer: Recurrent, count: int) -> None:
    """`NAME_encode`: the outputs of the last layer over all steps, [steps, units]. count: numbers of each step."""
    source.add(_ENCODE, count=count, reads="\n".join(_reads(layer)))


def workspace_floats(layer: Recurrent) -> int:
    """Floats of the workspace for each step of `NAME_encode`: the outputs of one layer, of two where there are more."""
    return layer.output_size * min(len(layer.places) // layer.directions, 2)


def _reads(layer: Recurrent) -> list[str]:
    """One call for each layer and direction; layers write to `outputs` and `spare` in turn, the last to `outputs`."""
    width, layers = layer.output_size, len(layer.places) // layer.directions
    units, lines = width // layer.directions, []
    for number in range(len(layer.places)):
        depth, reverse = divmod(number, layer.directions)
        into, read = ("outputs", "spare") if (layers - 1 - depth) % 2 == 0 else ("spare", "outputs")
        lines.append(
            f"  @_read(s, @_place{number}, s->place{number}, {units}, input, {read if depth else '0'}, {width}, steps, "
            f"{reverse}, {into}{f' + {units}' if reverse else ''}, {width});"
        )
    return lines if layers > 1 else [*lines, "  (void)spare;"]


def _add_place(source: Source, name: str, place: Place) -> None:
    cell, hidden = place.cell, place.hidden_size
    rows, own = len(cell.gates) * hidden, source.member(name, len(cell.states) * hidden)
    first = cell.states.index(cell.recurrent_state) * hidden
    before = f"({own} + {first})" if first else own
    source.member("wx", rows), source.member("uh", rows)

    def weight(of: str) -> str:
        return source.constant(f"{name}_{of}", place.parameters.get(of))

    vectors = [f"    weight[{k}] = {weight(of)}[unit];" for k, of in enumerate(cell.vectors)] or [
        "    weight[0] = 0.0f;"
    ]
    bias = weight("bias_hh")
    recurrence = {"dense": _DENSE, "diagonal": _DIAGONAL, "none": _NONE}[cell.recurrent]
    source.add(
        _PLACE.replace("<recurrence>", recurrence),
        name=name, weight_ih=weight("weight_ih"), bias_ih=weight("bias_ih"), weight_hh=weight("weight_hh"),
        bias_hh=bias, bias="0.0f" if bias == "0" else f"{bias}[k]", rows=rows, inputs=place.input_size, hidden=hidden,
        gates=len(cell.gates), states=len(cell.states), vectors=max(len(cell.vectors), 1), own=own, before=before,
        weights="\n".join(vectors), cell=cell.name,
    )  # fmt: skip
