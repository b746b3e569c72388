"""The tables of speed in both READMEs and in bench/README.md, from what bench/cells.py measured."""

import json
import math
from collections.abc import Callable, Iterable
from typing import Any

from bench import figures
from bench.figures import Row
from bench.machine import THREADS
from bench.markdown import RESULTS, table
from bench.parts import PARTS
from bench.problem import (
    CELLS,
    MEMORY_SHAPES,
    MODES,
    RAGGED_SHAPES,
    SHAPES,
    STREAM_SIZES,
    WITHIN_SHAPES,
)

MOST = max(THREADS)
ENGINE_NAMES = {
    "torch.nn": "torch.nn", "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO", "ncnn": "ncnn", "litert": "LiteRT",
}  # fmt: skip
MODE = {"inference": ("inference", "推論"), "training": ("training step", "訓練一步")}


def printed() -> Row | None:
    """The result that the tables show, of a machine's best instruction set; None if there is none.

    It has the most of today's rows, so that no unfinished measurement takes a whole one's place; among equals it is
    the one measured last.
    """
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("cells-*.json"))]
    best = [
        each
        for each in found
        if each["instruction_set"] in (None, next(iter(each["ceilings"]["multiply_add"])))
    ]
    return max(best, key=lambda each: (_rows(each), each["machine"]["date"]), default=None)


def _rows(result: Row) -> int:
    """How many of today's rows it has."""
    return sum(
        figures.find(result.get(name, []), **job) is not None
        for name, part in PARTS.items()
        for job in part.jobs
    )


def times(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}×" if value < 10 else f"{value:.0f}×"


def percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f} %"


def duration(seconds: float | None, unit: str = "ms") -> str:
    """Three digits that count, in milliseconds or microseconds."""
    if seconds is None:
        return "–"
    value = seconds * {"ms": 1e3, "µs": 1e6}[unit]
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def between(values: Iterable[float | None], show: Callable[[float], str]) -> str:
    known = [value for value in values if value is not None]
    return f"{show(min(known))}–{show(max(known))}" if known else "–"


def speed(result: Row, k: int) -> str:
    """The promise in one table: how many times faster than torch.nn, and how much of the processor is used."""
    head = _of_each_mode(k)

    def cell_of(row: Row | None) -> str:
        return f"{times(figures.ratio(row))} ({percent(figures.share(result, row))})"

    rows = [
        [str(shape).replace(",", ", ")]
        + [cell_of(figures.speed_row(result, cell, shape, mode)) for cell in CELLS for mode in MODES]
        for shape in SHAPES
    ]
    note = (
        "How many times faster than torch.nn, at its best of one and {threads} threads, in the same run; in brackets the share of "
        "what the processor can multiply and add. keepgate on {threads} threads, autograd included; {machine}.",
        "同一次量測中比 torch.nn 快幾倍（torch.nn 取一個與 {threads} 個執行緒中較快者）；括號內是處理器乘加能力用上的比例。keepgate 用 {threads} "
        "個執行緒，含 autograd；{machine}。",
    )[k]
    return table(head, rows) + "\n\n" + note.format(threads=MOST, machine=result["machine"]["processor"])


def _of_each_mode(k: int) -> list[str]:
    head = [("steps, rows, input, hidden", "步, 列, 輸入, 單元")[k]]
    separator = (", ", "，")[k]
    return head + [f"{cell}{separator}{MODE[mode][k]}" for cell in CELLS for mode in MODES]


def summary(result: Row, k: int) -> str:
    """The tables of speeds in two sentences: the range over all shapes, for each cell, and over inference engines."""

    def ratios(cell: str, mode: str) -> str:
        return between(
            (figures.ratio(figures.speed_row(result, cell, shape, mode)) for shape in SHAPES), times
        )

    parts = [
        (
            f"{cell} {ratios(cell, 'inference')} in inference, {ratios(cell, 'training')} in training",
            f"{cell} 推論 {ratios(cell, 'inference')}、訓練 {ratios(cell, 'training')}",
        )[k]
        for cell in CELLS
    ]
    note = (
        "Times faster than torch.nn in the same run, over {shapes} shapes from batch 1 to 64: {parts}. With frozen weights inference is "
        "{least} to {most} times as fast as the fastest of torch.nn, ONNX Runtime, OpenVINO, ncnn and LiteRT ({machine}).",
        "同一次量測中比 torch.nn 快幾倍，{shapes} 種大小，批次 1 到 64：{parts}。凍結權重的推論，torch.nn、ONNX Runtime、OpenVINO、ncnn、LiteRT "
        "中最快的要花 {least} 到 {most} 倍的時間（{machine}）。",
    )[k]
    joined = ("; ", "；")[k].join(parts)
    slower = [
        quotient for row in result.get("engines", []) if (quotient := figures.over_engines(row)) is not None
    ]
    return note.format(
        shapes=len(SHAPES), parts=joined, machine=result["machine"]["processor"],
        least=f"{min(slower, default=math.nan):.2f}", most=f"{max(slower, default=math.nan):.2f}",
    )  # fmt: skip


def inside(result: Row, k: int) -> str:
    """A layer between two of torch's own operations."""

    def faster(cell: str, shape: str, mode: str) -> tuple[float | None, float | None]:
        row = figures.find(result.get("within", []), cell=cell, shape=shape, mode=mode)
        ours, own = (figures.fastest(row, name) for name in ("keepgate@", "keepgate, own threads@"))
        theirs = figures.fastest(row, "torch.nn@")
        return figures.over(theirs, ours), figures.over(theirs, own)

    rows, own = [], []
    for shape in map(str, WITHIN_SHAPES):
        found = [faster(cell, shape, mode) for cell in CELLS for mode in MODES]
        rows.append([shape.replace(",", ", "), *[times(ours) for ours, _ in found]])
        own += [by_itself for _, by_itself in found]
    note = (
        "How many times faster a whole model is than the same with torch.nn: linear, the layer, linear. The layer computes on torch's own "
        "threads; on threads of its own, between torch's, which spin, it would be {own}.",
        "整個模型比用 torch.nn 的同一個模型快幾倍：線性層、這一層、線性層。這一層在 torch 自己的執行緒上計算；要是另開執行緒，夾在 torch 空轉的執行緒中間，就會是 {own}。",
    )[k]
    return table(_of_each_mode(k), rows) + "\n\n" + note.format(own=between(own, times))


def streaming(result: Row, k: int) -> str:
    ways = {
        "keepgate numpy": ("`stepper`, numpy", "`stepper`，numpy"),
        "keepgate torch": ("`stepper`, torch", "`stepper`，torch"),
        "torch.nn@": ("torch.nn", "torch.nn"),
        "torch.nn cell": ("torch.nn, cell", "torch.nn 的 cell"),
        "onnxruntime": ("ONNX Runtime", "ONNX Runtime"),
    }
    head = [
        ("one step, µs: median (99th percentile)", "一步，微秒：中位數（第 99 百分位）")[k],
        *[way[k] for way in ways.values()],
    ]
    rows = []
    for cell in CELLS:
        for hidden in STREAM_SIZES:
            row = figures.find(result.get("streaming", []), cell=cell, hidden=hidden)
            rows.append([f"{cell}, H = {hidden}", *[_step(row, name) for name in ways]])
    return table(head, rows)


def _step(row: Row | None, prefix: str) -> str:
    """Of the faster of one and more threads."""
    found = [] if row is None else [each for name, each in row["times"].items() if name.startswith(prefix)]
    if not found:
        return "–"
    best = min(found, key=lambda each: float(each["median"]))
    return f"{duration(best['median'], 'µs')} ({duration(best['p99'], 'µs')})"


def one_step(result: Row, k: int) -> str:
    """One call of one step, microseconds at the faster of one and more threads."""
    if not result.get("one_step"):
        return ("*Not measured yet.*", "*尚未量測。*")[k]
    ways = {"keepgate@": "keepgate", "keepgate frozen@": "keepgate, `freeze`", "torch.nn@": "torch.nn",
            "onnxruntime@": "ONNX Runtime"}  # fmt: skip
    rows = [
        [f"{row['cell']} {row['shape']}", *[duration(figures.fastest(row, prefix), "µs") for prefix in ways]]
        for row in result["one_step"]
    ]
    return table([("one call of one step, µs", "一次呼叫一步，微秒")[k], *ways.values()], rows)


def busy(result: Row, k: int) -> str:
    """Two threads' time over one's beside busy processes, and at the worst of the turns."""
    if not result.get("busy"):
        return ("*Not measured yet.*", "*尚未量測。*")[k]

    rows = [
        [
            f"{row['cell']} {row['shape']}, {MODE[row['mode']][k]}",
            row["neighbours"],
            *[f"{figures.threads_over_one(row, kind):.2f}" for kind in ("median", "worst")],
        ]
        for row in result["busy"]
    ]
    head = (
        ["", "beside", f"{MOST} threads over 1", "worst turns"],
        ["", "旁邊", f"{MOST} 緒 ÷ 1 緒", "最差的一輪"],
    )[k]
    return table(head, rows)


def engines(result: Row, k: int) -> str:
    """Inference engines' best times over ours, frozen."""
    if not result.get("engines"):
        return ("*Not measured yet.*", "*尚未量測。*")[k]
    rows = []
    for row in result["engines"]:
        best = figures.fastest(row, "keepgate@")
        ratios = [times(figures.over(figures.fastest(row, f"{name}@"), best)) for name in ENGINE_NAMES]
        rows.append([figures.head(result, row), duration(best), *ratios])
    return table([("inference", "推論")[k], "keepgate, ms", *ENGINE_NAMES.values()], rows)


def ragged(result: Row, k: int) -> str:
    head = [
        ("training step, steps, rows, input, hidden", "訓練一步：步, 列, 輸入, 單元")[k],
        *[(f"{cell}, over the full rectangle", f"{cell}，相對於等長")[k] for cell in CELLS],
        *[(f"{cell}, faster than packed", f"{cell}，比打包快")[k] for cell in CELLS],
    ]
    rows = []
    for shape in RAGGED_SHAPES:
        found = [
            figures.find(result.get("ragged", []), cell=cell, shape=str(shape), mode="training")
            for cell in CELLS
        ]
        full = [figures.ragged_over_full(row) for row in found]
        packed = [
            figures.over(figures.fastest(row, "torch packed"), figures.fastest(row, "keepgate ragged"))
            for row in found
        ]
        share = "" if not found[0] else f" ({percent(found[0]['share'])})"
        rows.append(
            [
                str(shape).replace(",", ", ") + share,
                *["–" if each is None else f"{each:.2f}" for each in full],
                *map(times, packed),
            ]
        )
    note = (
        "Lengths are uniform in 1 … T; in brackets the share of the steps that is real. From {first} to {last} steps the time a step of "
        "ours grows {ours}, that of torch's packed sequences {packed} (LSTM; 1 is linear).",
        "各列長度均勻分布於 1 到 T；括號內是真正的步數所占的比例。從 {first} 步到 {last} 步，每步所花的時間，我們是 {ours}，torch 打包的序列是 {packed} 倍（LSTM；1 為線性）。",
    )[k]
    row = figures.find(result.get("scaling", []), cell="LSTM")
    growth = {name: times(figures.growth(row, name)) for name in ("keepgate ragged", "torch packed")}
    first, last = (row["steps"][0], row["steps"][-1]) if row else ("–", "–")
    return table(head, rows) + "\n\n" + note.format(
        first=first, last=last, ours=growth["keepgate ragged"], packed=growth["torch packed"]
    )  # fmt: skip


def costs(result: Row, k: int) -> str:
    """What a trace costs, and the memory of a training step, in one paragraph."""
    traces = {
        mode: between(
            [figures.trace(row) for row in result.get("speed", []) if row["mode"] == mode],
            lambda v: f"{v:.2f}",
        )
        for mode in MODES
    }
    memory = between([figures.memory(row) for row in result.get("memory", [])], lambda v: f"{v:.2f}")
    return (
        "A trace of every gate takes {inference} times as long as no trace in inference and {training} in training, over all rows above. "
        "A training step needs {memory} of the memory that torch.nn's needs at its peak.",
        "留下每道閘門的追蹤，推論時要花 {inference} 倍的時間，訓練時 {training} 倍（以上各列）。訓練一步的記憶體尖峰是 torch.nn 的 {memory} 倍。",
    )[k].format(**traces, memory=memory)


def everybody(result: Row, k: int) -> str:
    """All contenders' times."""
    columns = [
        *[f"keepgate@{threads}" for threads in THREADS], *[f"torch.nn@{threads}" for threads in THREADS],
        *[f"onnxruntime@{threads}" for threads in THREADS], f"jax@{MOST}", f"loop@{MOST}", f"keepgate trace@{MOST}",
    ]  # fmt: skip
    parts = []
    for mode in MODES:
        shown = [name for name in columns if mode == "inference" or not name.startswith("onnx")]
        rows = []
        for cell in CELLS:
            for shape in SHAPES:
                row = figures.speed_row(result, cell, shape, mode)
                if row is not None:
                    durations = [duration(figures.median(row, name)) for name in shown]
                    rows.append([figures.head(result, row), *durations])
        parts.append(table([f"{mode}, ms", *shown], rows))
    return "\n\n".join([*parts, "`@2`: two threads. `~`: the machine was not quiet."])


def machine_ceilings(result: Row, k: int) -> str:
    found = result["ceilings"]
    rows = [
        [
            f"fp32 multiply and add, registers only, {name}, GF/s",
            *[f"{rates[str(t)] / 1e9:.0f}" for t in THREADS],
        ]
        for name, rates in found["multiply_add"].items()
    ]
    for name, words in (
        ("read_level_2", f"reading half of level 2 ({found['level_2_bytes'] >> 10:,} KiB), GB/s"),
        ("read_memory", f"reading {found['memory_bytes'] >> 20:,} MiB, GB/s"),
        ("torch_product", "torch's product of 2048 × 2048, GF/s"),
    ):
        rows.append([words, *[f"{found[name][str(t)] / 1e9:.0f}" for t in THREADS]])
    rows.append(["a barrier of spinning threads, ns", "", f"{1e9 * found['barrier_seconds']:.0f}"])
    machine = result["machine"]
    peers = ", ".join(f"{name} {version}" for name, version in result["peers"].items() if version)
    note = (
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, {machine['date']}; keepgate's instruction set: "
        f"{result['instruction_set'] or 'none'}; torch {machine['torch']}, numpy {machine['numpy']}, {peers}."
    )
    return (
        table(["the machine's ceilings", *[f"{t} thread{'s' * (t > 1)}" for t in THREADS]], rows)
        + "\n\n"
        + note
    )


def memory(result: Row, k: int) -> str:
    rows = []
    for shape in MEMORY_SHAPES:
        for cell in CELLS:
            row = figures.find(result.get("memory", []), cell=cell, shape=str(shape))
            known: dict[str, Any] = row["bytes"] if row else {}
            mib = [
                "–" if not each else f"{each / 2**20:.1f}"
                for each in (known.get("keepgate"), known.get("torch.nn"))
            ]
            rows.append([f"{cell} {shape}", *mib])
    return table(["peak of a training step, MiB", "keepgate", "torch.nn"], rows)


TABLES: dict[str, Callable[[Row, int], str]] = {
    "speed": speed,
    "summary": summary,
    "inside": inside,
    "one_step": one_step,
    "busy": busy,
    "engines": engines,
    "streaming": streaming,
    "ragged": ragged,
    "costs": costs,
    "everybody": everybody,
    "ceilings": machine_ceilings,
    "memory": memory,
}
