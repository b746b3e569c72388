"""Linear layers to scores as C, and the means and maxima over steps that some are given."""

from typing import Any

from .source import Source

MEAN = """  for (k = 0; k < <width>; ++k) {
    float sum = 0.0f;
    for (t = 0; t < steps; ++t) sum += workspace[t * <width> + k];
    s->pooled[k] = sum / (float)steps;
  }"""
MAX = """  for (k = 0; k < <width>; ++k) {
    float most = workspace[k];
    for (t = 1; t < steps; ++t) if (workspace[t * <width> + k] > most) most = workspace[t * <width> + k];
    s->pooled[<offset> + k] = most;
  }"""
_SCORES = """
static void @_<name>(@_state *s, const float *pooled, float *scores) {
<lines>
}
"""


def add_readout(source: Source, *linears: tuple[Any, Any], name: str = "readout") -> int:
    """`NAME_readout` by linear layers one after the other; how many scores the last gives."""
    lines, layer_input = [], "pooled"
    for number, (weight, bias) in enumerate(linears):
        last = number == len(linears) - 1
        into = "scores" if last else source.member(f"read{number}", len(weight))
        names = (
            source.constant(f"{name}{number}_weight", weight),
            source.constant(f"{name}{number}_bias", bias),
        )
        lines.append(
            f"  @_linear({names[0]}, {names[1]}, {layer_input}, {weight.shape[0]}, {weight.shape[1]}, {into});"
        )
        layer_input = into
    if len(linears) == 1:
        lines.append("  (void)s;")
    source.add(_SCORES, name=name, lines="\n".join(lines))
    return len(linears[-1][0])
