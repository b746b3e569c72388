"""The C99 of a cell's step for one unit, and of the functions that it calls; no library, not even libm."""

import re
from collections.abc import Iterator, Mapping

from ..equations import Cell, Expr, Graph
from .expression import number_text, writer
from .stages import stages_of
from .step import STEP_WORDS, WIDTH, by_node, filled, names_of, numbered, step_body

# What no name of a step may hide: C's own words, and the parameters.
_WORDS = (
    STEP_WORDS
    + """
    auto break case char const continue default do double else enum extern float for goto if inline int long register
    restrict return short signed sizeof static struct switch typedef union unsigned void volatile while _Bool _Complex
    wx uh prev weight plane next
"""
)

# Each function, with those that it calls; tests/emit/test_c.py holds them to their errors.
_FUNCTIONS = {
    "fma": ((), "static float {p}_fma(float a, float b, float c) {{ return a * b + c; }}"),
    "fms": ((), "static float {p}_fms(float a, float b, float c) {{ return a * b - c; }}"),
    "fnma": ((), "static float {p}_fnma(float a, float b, float c) {{ return c - a * b; }}"),
    "relu": ((), "static float {p}_relu(float x) {{ return x > 0.0f ? x : 0.0f; }}"),
    "abs": ((), "static float {p}_abs(float x) {{ return x < 0.0f ? -x : x; }}"),
    "maximum": ((), "static float {p}_maximum(float a, float b) {{ return a > b ? a : b; }}"),
    "minimum": ((), "static float {p}_minimum(float a, float b) {{ return a < b ? a : b; }}"),
    "step_of": ((), "static float {p}_step_of(float x) {{ return x > 0.0f ? 1.0f : 0.0f; }}"),
    "greater": ((), "static float {p}_greater(float a, float b) {{ return a > b ? 1.0f : 0.0f; }}"),
    "where": ((), "static float {p}_where(float c, float a, float b) {{ return c != 0.0f ? a : b; }}"),
    "power": (
        (),
        """/* 2^n for n from -126 to 127. */
static float {p}_power(int n) {{
  union {{ uint32_t bits; float number; }} power;
  power.bits = (uint32_t)(n + 127) << 23;
  return power.number;
}}""",
    ),
    "exp_plus": (
        ("power",),
        """/* e^x + more for |x| <= 87, as 2^n (e^r - 1) + (2^n + more) with |r| <= ln 2 / 2 and a Taylor series. */
static float {p}_exp_plus(float x, float more) {{
  const int n = x == x ? (int)(x * 1.44269504f + (x < 0.0f ? -0.5f : 0.5f)) : 0;
  const float r = (x - (float)n * 0.69313812256f) - (float)n * 9.0580006145e-06f;
  const float series = r * (1.0f + r * (1.0f / 2 + r * (1.0f / 6 + r * (1.0f / 24 + r * (1.0f / 120 + r * (1.0f / 720
                     + r * (1.0f / 5040)))))));
  return {p}_power(n) * series + ({p}_power(n) + more);
}}""",
    ),
    "sigmoid": (
        ("exp_plus",),
        """static float {p}_sigmoid(float x) {{
  return 1.0f / {p}_exp_plus(x > 87.0f ? -87.0f : x < -87.0f ? 87.0f : -x, 1.0f);
}}""",
    ),
    "tanh": (
        ("exp_plus",),
        """static float {p}_tanh(float x) {{
  const float m = {p}_exp_plus(x > 10.0f ? 20.0f : x < -10.0f ? -20.0f : x + x, -1.0f);
  return m / (m + 2.0f);
}}""",
    ),
    "exp": (
        ("exp_plus",),
        """/* In two factors, so that it overflows to infinity and underflows to zero. */
static float {p}_exp(float x) {{
  const float half = 0.5f * (x > 90.0f ? 90.0f : x < -105.0f ? -105.0f : x), root = {p}_exp_plus(half, 0.0f);
  return root * root;
}}""",
    ),
    "log": (
        (),
        """/* x = 2^k m, sqrt(1/2) <= m < sqrt(2): k ln 2 + 2 artanh((m - 1) / (m + 1)), of a normal x above 0. */
static float {p}_log(float x) {{
  union {{ uint32_t bits; float number; }} m;
  float s, z;
  int k;
  m.number = x;
  k = (int)(m.bits >> 23) - 127;
  m.bits = (m.bits & 0x7fffffu) | 0x3f800000u;
  if (m.number > 1.41421356f) {{ m.number *= 0.5f; ++k; }}
  s = (m.number - 1.0f) / (m.number + 1.0f);
  z = s * s;
  z = 2.0f * s * (1.0f + z * (1.0f / 3 + z * (1.0f / 5 + z * (1.0f / 7 + z * (1.0f / 9)))));
  return (float)k * 0.69313812256f + ((float)k * 9.0580006145e-06f + z);
}}""",
    ),
    "sqrt": (
        (),
        """/* By Newton's steps from an estimate by the exponent. */
static float {p}_sqrt(float x) {{
  union {{ uint32_t bits; float number; }} y;
  int step;
  if (!(x > 0.0f)) return 0.0f;
  y.number = x;
  y.bits = (y.bits >> 1) + 0x1fbd1df5u;
  for (step = 0; step < 4; ++step) y.number = 0.5f * (y.number + x / y.number);
  return y.number;
}}""",
    ),
    "gelu": (
        ("abs", "exp"),
        """/* x times the normal distribution's share below it; erfc as in Numerical Recipes, 3rd edition, 6.2.2. */
static float {p}_gelu(float x) {{
  const float z = 0.70710678f * {p}_abs(x), t = 1.0f / (1.0f + 0.5f * z);
  const float share = 0.5f * t * {p}_exp(-z * z - 1.26551223f + t * (1.00002368f + t * (0.37409196f + t * (0.09678418f
                    + t * (-0.18628806f + t * (0.27886807f + t * (-1.13520398f + t * (1.48851587f + t * (-0.82215223f
                    + t * 0.17087277f)))))))));
  return x > 0.0f ? x - x * share : x * share;
}}""",
    ),
    "softplus": (
        ("relu", "abs", "exp", "log"),
        """static float {p}_softplus(float x) {{
  return {p}_relu(x) + {p}_log(1.0f + {p}_exp(-{p}_abs(x)));
}}""",
    ),
}


def step_of_unit(cell: Cell, prefix: str) -> list[str]:
    """The function `PREFIX_cell_NAME` as lines: wx, uh, previous states and vectors of one unit → its new states.

    Raises CellError for a step that is not elementwise: recurrent="in_step", and means over a row's units.
    """
    graph = cell.elementwise_graph
    return _function(f"{prefix}_cell_{cell.name}", prefix, graph, {}, numbered("next", graph.next.values()))


def stage_of_unit(cell: Cell, number: int, prefix: str) -> list[str]:
    """The function `PREFIX_cell_NAME_NUMBER` as lines: one stage of a step that mixes units.

    It is given `plane`, the unit's numbers of the planes that the stage reads, and writes those that it gives.
    """
    stage = stages_of(cell.graph)[number]
    called = by_node(cell.graph.next, cell.graph.traced)
    planes = {called.get(node, f"p{place}"): node for place, node in enumerate(stage.read)}
    name = f"{prefix}_cell_{cell.name}_{number}"
    return _function(name, prefix, cell.graph, planes, numbered("next", stage.written))


def _function(
    name: str, prefix: str, graph: Graph, planes: Mapping[str, Expr], results: Mapping[str, Expr]
) -> list[str]:
    arrays: dict[str, Mapping[str, Expr]] = {
        "wx": names_of(graph.wx.values()),
        "uh": names_of(graph.uh.values()),
        "prev": names_of(graph.previous.values()),
        "weight": graph.vectors,
    }
    if planes:
        arrays["plane"] = planes
    body = step_body(
        arrays,
        results,
        called=by_node(graph.next, graph.traced),
        words=_WORDS.split(),
        declare="const float ",
        write=writer(function=lambda function: f"{prefix}_{function}", number=_number),
    )
    used = set(re.findall(r"(\w+)\[", "\n".join(body)))
    unused = [f"  (void){array};" for array in arrays if array not in used]
    parameters = [f"const float *{array}" for array in arrays] + ["float *next"]
    return [
        *filled(f"static void {name}(", parameters, ") {", WIDTH),
        *(f"  {line}" for line in body),
        *unused,
        "}",
    ]


def functions(names: set[str], prefix: str) -> Iterator[str]:
    """The text of these functions and of those that they call, each after what it calls."""
    worklist = set(names)
    while more := {called for name in worklist for called in _FUNCTIONS[name][0]} - worklist:
        worklist |= more
    order = list(_FUNCTIONS)
    while worklist:
        name = min((n for n in worklist if not worklist & set(_FUNCTIONS[n][0])), key=order.index)
        worklist.remove(name)
        yield _FUNCTIONS[name][1].format(p=prefix)


def functions_called(text: str, prefix: str) -> set[str]:
    """The functions of `functions` that a text calls."""
    return {name for name in re.findall(rf"\b{prefix}_(\w+)\(", text) if name in _FUNCTIONS}


def _number(node: Expr) -> str:
    text = number_text(node)
    return f"{text}f" if re.search(r"[.e]", text) else f"{text}.0f"
