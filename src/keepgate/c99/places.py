"""The function of each layer and direction as C, which reads one more step: around the step of its cell."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..arrays.encoder import TimeDelay
from ..arrays.place import Place
from ..arrays.recurrent import Recurrent
from ..emit.c import stage_of_unit, step_of_unit
from ..emit.stages import Stage, stages_of
from ..equations import Cell
from ..equations.expr import heads_of
from ..errors import ExportError
from .source import Source, filled

_PLACE = """
static void @_<name>(@_state *s, const float *x) {
  long unit, k;
  @_linear(<weight_ih>, <bias_ih>, x, <rows>, <inputs>, s->wx);
<recurrence>
<steps>
}
"""
_UNITS = """\
  for (unit = 0; unit < <hidden>; ++unit) {
    float wx[<gates>], uh[<gates>], prev[<states>], <planes>next[<results>], weight[<vectors>];
    for (k = 0; k < <gates>; ++k) wx[k] = s->wx[k * <hidden> + unit], uh[k] = s->uh[k * <hidden> + unit];
    for (k = 0; k < <states>; ++k) prev[k] = <own>[k * <hidden> + unit];
<reads><weights>
    @_cell_<cell>(wx, uh, prev, weight<plane>, next);
    for (k = 0; k < <results>; ++k) <to>[k * <hidden> + unit] = next[k];
  }"""
_READ_PLANES = "    for (k = 0; k < <read>; ++k) plane[k] = s->planes[k * <hidden> + unit];\n"
_PRODUCT = "  @_linear(<weight>, <bias>, s->planes + <operand>, <hidden>, <hidden>, s->planes + <result>);"
_MEAN = "  @_mean(s->planes + <operand>, <hidden>, s->planes + <result>);"
_WINDOW = """
/* The inputs of the last steps stand behind the output, the oldest first. */
static void @_<name>(@_state *s, const float *x) {
  float *const seen = s-><name> + <hidden>;
  long k;
  for (k = 0; k < <before>; ++k) seen[k] = seen[k + <inputs>];
  @_copy(x, <inputs>, seen + <before>);
  @_linear(<weight>, <bias>, seen, <hidden>, <seen>, s-><name>);
  for (k = 0; k < <hidden>; ++k) s-><name>[k] = @_tanh(s-><name>[k]);
}
"""
_MEANS = """
/* The mean of the numbers, for each of them. */
static void @_mean(const float *x, long count, float *y) {
  float sum = 0.0f, carry = 0.0f;
  long i;
  for (i = 0; i < count; ++i) {
    const float next = x[i] - carry, total = sum + next;
    carry = (total - sum) - next;
    sum = total;
  }
  for (i = 0; i < count; ++i) y[i] = sum / (float)count;
}
"""
_DENSE = "  @_linear(<weight_hh>, <bias_hh>, <before>, <rows>, <hidden>, s->uh);"
_DIAGONAL = """  for (k = 0; k < <rows>; ++k)
    s->uh[k] = <weight_hh>[k] * <before>[k % <hidden>] + <bias>;"""
_NONE = "  for (k = 0; k < <rows>; ++k) s->uh[k] = 0.0f;"


def add_places(source: Source, layer: Recurrent | TimeDelay, prefix: str = "place") -> list[str]:
    """One function for each layer and direction, `NAME_place0`, …, with the names of their states.

    Raises ExportError for a layer whose step cannot be printed.
    """
    if isinstance(layer, TimeDelay):
        _add_window(source, f"{prefix}0", layer)
        return [f"{prefix}0"]
    if any("weight_hr" in place.parameters for place in layer.places):
        raise ExportError("a layer with a projection is not written in C; train one without proj_size")
    for step in _step_functions(layer.cell, source.name):
        if step not in source.code:
            source.code.append(step)
    names = [f"{prefix}{number}" for number in range(len(layer.places))]
    for name, place in zip(names, layer.places, strict=True):
        _add_place(source, name, place)
    return names


def count_of_places(layer: Recurrent | TimeDelay) -> int:
    """How many functions `add_places` adds."""
    return 1 if isinstance(layer, TimeDelay) else len(layer.places)


def _add_window(source: Source, name: str, layer: TimeDelay) -> None:
    """A layer without a state: what it reads of the last steps stands behind what it gives."""
    hidden, inputs = layer.output_size, layer.input_size
    source.member(name, hidden + layer.window * inputs)
    source.add(
        _WINDOW, name=name, inputs=inputs, hidden=hidden, seen=layer.window * inputs,
        weight=source.constant(f"{name}_weight", np.ascontiguousarray(layer.weight.transpose(0, 2, 1))),
        bias=source.constant(f"{name}_bias", layer.bias), before=(layer.window - 1) * inputs,
    )  # fmt: skip


def _step_functions(cell: Cell, prefix: str) -> list[str]:
    """The step of one unit; of a step that mixes units, one function a stage, after what makes a mean."""
    count = len(stages_of(cell.graph))
    if count == 1:
        return ["\n".join(step_of_unit(cell, prefix))]
    mean = [_MEANS.strip("\n").replace("@", prefix)] if cell.row_means else []
    return [*mean, *("\n".join(stage_of_unit(cell, number, prefix)) for number in range(count))]


def _add_place(source: Source, name: str, place: Place) -> None:
    cell, hidden = place.cell, place.hidden_size
    rows, state_member = len(cell.gates) * hidden, source.member(name, len(cell.states) * hidden)
    first = cell.states.index(cell.recurrent_state) * hidden
    source.member("wx", rows), source.member("uh", rows)

    def weight(of: str) -> str:
        return source.constant(f"{name}_{of}", place.parameters.get(of))

    vectors = [f"    weight[{k}] = {weight(of)}[unit];" for k, of in enumerate(cell.vectors)] or [
        "    weight[0] = 0.0f;"
    ]
    matrix, bias = weight("weight_hh"), weight("bias_hh")
    recurrence = {"dense": _DENSE, "diagonal": _DIAGONAL, "none": _NONE, "in_step": _NONE}[cell.recurrent]
    sizes = {
        "hidden": hidden, "gates": len(cell.gates), "states": len(cell.states), "vectors": max(len(cell.vectors), 1),
        "own": state_member, "weights": "\n".join(vectors),
    }  # fmt: skip
    stages = stages_of(cell.graph)
    steps = [
        line
        for number in range(len(stages))
        for line in _stage(source, place, stages, number, sizes, (matrix, bias))
    ]
    source.add(
        _PLACE.replace("<recurrence>", recurrence).replace("<steps>", "\n".join(steps)),
        name=name, weight_ih=weight("weight_ih"), bias_ih=weight("bias_ih"), weight_hh=matrix, bias_hh=bias,
        bias="0.0f" if bias == "0" else f"{bias}[k]", rows=rows, inputs=place.input_size, hidden=hidden,
        before=f"({state_member} + {first})" if first else state_member,
    )  # fmt: skip


def _stage(
    source: Source,
    place: Place,
    stages: Sequence[Stage],
    number: int,
    sizes: dict[str, Any],
    recurrent: tuple[str, str],
) -> Iterator[str]:
    """The lines of a stage: a loop over the units, and what is then made of all of them."""
    cell, hidden, stage = place.cell, place.hidden_size, stages[number]
    planes, results = len(stage.read), len(stage.written)
    count = len(stages)
    yield filled(
        _UNITS, planes=f"plane[{planes}], " if planes else "", plane=", plane" if planes else "",
        reads=filled(_READ_PLANES, read=planes) if planes else "", results=results,
        to=sizes["own"] if number == count - 1
        else f"(s->planes + {planes * hidden})" if planes else "s->planes",
        cell=cell.name if count == 1 else f"{cell.name}_{number}", **sizes,
    )  # fmt: skip
    for result, (node, operand) in enumerate(stage.mixed, planes + results):
        source.member("planes", (result + 1) * hidden)
        places = {"operand": operand * hidden, "result": result * hidden, "hidden": hidden}
        if node.op == "row_mean":
            units = hidden // heads_of(node)
            for first in range(0, hidden, units):
                yield filled(
                    _MEAN, operand=operand * hidden + first, hidden=units, result=result * hidden + first
                )
            continue
        block = cell.gates.index(str(node.args[0].name).removeprefix("u_"))
        matrix, bias = recurrent
        yield filled(
            _PRODUCT, weight=f"{matrix} + {block * hidden * hidden}",
            bias=bias if bias == "0" else f"{bias} + {block * hidden}", **places,
        )  # fmt: skip
