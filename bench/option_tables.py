"""The tables of a cell of one's own, of the options of a layer and of narrow weights, from what bench/cells.py measured."""

from collections.abc import Callable

from bench import figures
from bench.contenders import VARIANTS
from bench.figures import Row
from bench.machine import THREADS
from bench.markdown import table
from bench.problem import CELLS, LITERATURE, LITERATURE_SHAPES, MODES
from bench.speed_tables import MODE, MOST, duration, times
from keepgate.arrays.narrow import WEIGHT_FORMATS


def user(result: Row, k: int) -> str:
    """A user's copy of a cell: its speed beside the compiled cell's, and beside a loop in torch."""
    if not result.get("user"):
        return ("*Not measured yet.*", "*尚未量測。*")[k]
    rows = []
    for row in (row for row in result["user"] if row["cell"] in CELLS):
        compiled, copied, copied_alone = (
            figures.median(row, name)
            for name in (f"keepgate@{MOST}", f"keepgate user@{MOST}", "keepgate user@1")
        )
        alone = figures.over(figures.median(row, "keepgate@1"), copied_alone)
        ratios = (alone, figures.over(compiled, copied), figures.loop_over_copy(row))
        rows.append([f"{row['cell']} {row['shape']}", MODE[row["mode"]][k], *map(times, ratios)])
    head = (
        ["user's copy of", "", "compiled ÷ copy, 1 thread", f"{MOST} threads", "loop in torch ÷ copy"],
        ["使用者自己寫的", "", "編譯的 ÷ 自己的，1 緒", f"{MOST} 緒", "torch 迴圈 ÷ 自己的"],
    )[k]
    return table(head, rows)


def literature(result: Row, k: int) -> str:
    """Cells of the literature, declared by a user: how many times as long the reference takes."""
    measured = [row for row in result.get("user", []) if row["cell"] in LITERATURE]
    if not measured:
        return ("*Not measured yet.*", "*尚未量測。*")[k]
    rows = [
        [name]
        + [
            times(figures.reference_over_cell(figures.find(measured, cell=name, shape=str(shape), mode=mode)))
            for shape in LITERATURE_SHAPES
            for mode in MODES
        ]
        for name in LITERATURE
    ]
    head = [
        f"{str(shape).replace(',', ', ')}, {MODE[mode][k]}" for shape in LITERATURE_SHAPES for mode in MODES
    ]
    return table([("reference ÷ cell", "reference ÷ cell")[k], *head], rows)


def variants(result: Row, k: int) -> str:
    """What each option costs: its layer's time over the plain layer's, on one thread and on all."""
    if not result.get("variants"):
        return ("*Not measured yet.*", "*尚未量測。*")[k]
    rows = []
    for row in result["variants"]:
        costs = [
            "–" if None in ratios else " / ".join(f"{ratio:.2f}" for ratio in ratios)
            for name in VARIANTS
            for ratios in [[
                figures.over(figures.median(row, f"keepgate {name}@{n}"), figures.median(row, f"keepgate@{n}"))
                for n in THREADS
            ]]
        ]  # fmt: skip
        rows.append([figures.head(result, row), MODE[row["mode"]][k], *costs])
    note = (
        f"Time over that of the plain layer, on 1 thread / on {MOST}; {result['machine']['processor']}.",
        f"時間 ÷ 一般層的時間，1 緒 / {MOST} 緒；{result['machine']['processor']}。",
    )[k]
    return table(["", "", *VARIANTS], rows) + "\n\n" + note


def narrow(result: Row, k: int) -> str:
    """Frozen float32 weights' time over that of narrow ones, of layers and of their steppers."""
    if not result.get("narrow"):
        return ("*Not measured yet.*", "*尚未量測。*")[k]
    rows = []
    for row in result["narrow"]:
        cells = [figures.head(result, row)]
        for kind in ("", "stepper "):
            cells.append(duration(figures.fastest(row, f"keepgate {kind}frozen@"), "µs"))
            cells += [times(figures.narrow_gain(row, weights, kind)) for weights in WEIGHT_FORMATS]
        rows.append(cells)
    head = (
        ["one call", "float32, frozen, µs", *WEIGHT_FORMATS, "`stepper`, float32, µs", *WEIGHT_FORMATS],
        ["一次呼叫", "凍結的 float32，微秒", *WEIGHT_FORMATS, "`stepper`，float32，微秒", *WEIGHT_FORMATS],
    )[k]
    return table(head, rows)


TABLES: dict[str, Callable[[Row, int], str]] = {
    "user": user,
    "literature": literature,
    "variants": variants,
    "narrow": narrow,
}
