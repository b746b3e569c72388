"""Writes the tables of the READMEs and of the guide from bench/results; nothing in them is typed by hand.

    python -m bench.table [--check]

Each stands between `<!-- table: NAME -->` and `<!-- end -->`. With --check nothing is written, and a stale
table is an error.
"""

import argparse
import re
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

from bench import (
    cost,
    figures,
    lens_tables,
    option_tables,
    other_tables,
    page_tables,
    scoreboard,
    speed_tables,
    training_tables,
)
from bench.markdown import result, spread, table
from bench.problem import Shape

ROOT = Path(__file__).parent.parent
# Each with its language: 0 English, 1 Chinese.
PAGES = {
    ROOT / "README.md": 0,
    ROOT / "README.zh-TW.md": 1,
    ROOT / "bench" / "README.md": 0,
    ROOT / "docs" / "guide" / "remember.md": 0,
    ROOT / "docs" / "guide" / "remember.zh-TW.md": 1,
    ROOT / "docs" / "guide" / "story.md": 0,
    ROOT / "docs" / "guide" / "explain.md": 0,
    ROOT / "docs" / "guide" / "explain.zh-TW.md": 1,
    ROOT / "docs" / "guide" / "polyphones.md": 0,
    ROOT / "docs" / "guide" / "polyphones.zh-TW.md": 1,
    ROOT / "docs" / "guide" / "story.zh-TW.md": 1,
    ROOT / "docs" / "guide" / "training.md": 0,
    ROOT / "docs" / "guide" / "training.zh-TW.md": 1,
}

NAMES = {
    "feedforward": ("feed-forward, 32 tokens", "前饋網路，32 字的視窗"),
    "rnn": ("RNN", "RNN"),
    "lstm-zero": ("LSTM, forget bias 0", "LSTM，遺忘閘偏置 0"),
    "lstm-chrono": ("LSTM, chrono bias", "LSTM，chrono 偏置"),
    "gru-chrono": ("GRU, chrono bias", "GRU，chrono 偏置"),
    "last": ("last state", "最後的狀態"),
    "attention": ("attention", "注意力"),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = [page.name for page, language in PAGES.items() if not written(page, language, check)]
    if stale:
        sys.exit(f"stale tables in {', '.join(stale)}; run python -m bench.table")


def written(page: Path, language: int, check: bool) -> bool:
    """Whether the page's tables are those of the results; if not, and `check` is off, they are written."""
    before = page.read_text(encoding="utf-8")

    def fill(found: re.Match[str]) -> str:
        return f"<!-- table: {found[1]} -->\n{text_of(found[1], language)}\n<!-- end -->"

    after = re.sub(r"<!-- table: (\w+) -->\n.*?<!-- end -->", fill, before, flags=re.DOTALL)
    if after != before and not check:
        page.write_text(after, encoding="utf-8")
        return True
    return after == before


def text_of(name: str, language: int) -> str:
    """That table's text, by its name in the page."""
    if name in TABLES:
        return TABLES[name](language)
    measured = speed_tables.printed()
    if measured is None:
        return ("*Not measured yet.*", "*尚未量測。*")[language]
    return (speed_tables.TABLES | option_tables.TABLES)[name](measured, language)


def size(value: float) -> str:
    """A share of any size with two digits that count."""
    return f"{value:.2f}" if value >= 0.01 else f"{value:.0e}"


def stories(k: int) -> str:
    found = result("stories")
    lengths = found["lengths"]
    head = [
        ("network", "網路")[k],
        ("parameters", "參數")[k],
        ("training, s", "訓練秒數")[k],
        *[("{} characters", "{} 字")[k].format(length) for length in lengths],
        ("gradient at lag 100, untrained", "訓練前，往回 100 字的梯度")[k],
    ]
    rows = []
    for network in found["networks"]:
        runs = network["runs"]
        if not runs:
            continue
        before = network["before"]
        gradient = "–" if before is None else size(float(before["values"][before["lags"].index(100)]))
        rows.append(
            [
                NAMES[network["name"]][k],
                f"{network['parameters']:,}",
                f"{statistics.mean(run['cpu_seconds'] for run in runs):.0f}",
                *[spread([run["accuracy"][str(length)] for run in runs]) for length in lengths],
                gradient,
            ]
        )
    note = (
        "Right answers to {stories} new stories of each length: mean over {seeds} seeds (range). "
        "Training: processor seconds on one core of {machine}. The gradient is relative to lag 0.",
        "每種長度 {stories} 則新故事的答對率：{seeds} 個種子的平均（範圍）。訓練秒數：{machine} 一個核心的處理器時間。梯度以往回 0 字者為 1。",
    )[k]
    machine = found["machine"]["processor"]
    return (
        table(head, rows)
        + "\n\n"
        + note.format(stories=found["stories"], seeds=len(found["seeds"]), machine=machine)
    )


def price(k: int) -> str:
    """What each kind of network costs: its numbers, a step of a stream, a training step of a layer."""
    found, measured = result("stories"), speed_tables.printed()
    if measured is None:
        return ("*Not measured yet.*", "*尚未量測。*")[k]
    shape = Shape.of("100,32,64,64")
    head = [
        ("network", "網路")[k],
        ("gates", "閘門")[k],
        ("parameters", "參數")[k],
        ("one step, µs", "讀一步，微秒")[k],
        ("training step of a layer, ms", "一層訓練一步，毫秒")[k],
    ]
    rows = []
    for name, cell, gates in (("rnn", "RNN", 0), ("gru-chrono", "GRU", 2), ("lstm-chrono", "LSTM", 3)):
        network = next(each for each in found["networks"] if each["name"] == name)
        step = figures.find(measured["streaming"], cell=cell, hidden=64)
        training = figures.median(figures.speed_row(measured, cell, shape, "training"), figures.OURS)
        rows.append(
            [
                NAMES[name][k],
                f"{gates}",
                f"{network['parameters']:,}",
                speed_tables.duration(figures.fastest(step, "keepgate numpy@"), "µs"),
                speed_tables.duration(training),
            ]
        )
    note = (
        "Parameters: of the readers above. One step: a layer of 64 units reading a stream. "
        "Training step: a layer of 64 units, 32 rows of 100 steps, {threads} threads. {machine}.",
        "參數：上面的閱讀器。讀一步：64 個單元的一層逐步讀取。訓練一步：64 個單元的一層，32 列，每列 100 步，{threads} 個執行緒。{machine}。",
    )[k]
    threads = figures.OURS.partition("@")[2]
    return table(head, rows) + "\n\n" + note.format(threads=threads, machine=measured["machine"]["processor"])


def facts(k: int) -> str:
    poolings = result("stories")["poolings"]
    lengths = list(poolings[0]["runs"][0]["accuracy"])
    head = [
        ("answers from", "答題依據")[k],
        *[("{} characters", "{} 字")[k].format(length) for length in lengths],
    ]
    rows = [
        [
            NAMES[pooling["name"]][k],
            *[spread([run["accuracy"][length] for run in pooling["runs"]]) for length in lengths],
        ]
        for pooling in poolings
    ]
    return table(head, rows)


def cmrc2018(k: int) -> str:
    found = result("cmrc2018")
    head = [
        ("seed", "種子")[k],
        ("exact match", "完全相符")[k],
        ("F1, substring", "F1，最長共同片段")[k],
        ("F1, bag", "F1，字袋")[k],
        ("processor minutes", "處理器分鐘")[k],
    ]
    names = ("exact", "f1_substring", "f1_bag")
    tests = [each["test"] for each in found["seeds"].values()]
    rows = [
        [seed, *[f"{100 * each['test'][name]:.1f}" for name in names], f"{each['cpu_minutes']:.0f}"]
        for seed, each in found["seeds"].items()
    ]
    every = [[100 * test[name] for test in tests] for name in names]
    rows.append(
        [
            ("mean ± sd", "平均 ± 標準差")[k],
            *[f"{statistics.mean(values):.1f} ± {_deviation(values):.1f}" for values in every],
            "",
        ]
    )
    first = next(iter(found["seeds"].values()))
    control = first["wrong_question"]
    note = (
        "Whole dev part ({questions:,} questions), {steps:,} steps of 32, one thread, {machine}. Asked another text's question, "
        "the reader scores {exact:.1f} / {f1:.1f}: it does read the question.",
        "整個開發部分（{questions:,} 題），{steps:,} 步，每步 32 題，一個執行緒，{machine}。改問別篇文章的問題時只得 {exact:.1f} / {f1:.1f}：它確實讀了問題。",
    )[k]
    return (
        table(head, rows)
        + "\n\n"
        + note.format(
            questions=first["questions"], steps=first["steps"], machine=first["machine"]["processor"],
            exact=100 * control["exact"], f1=100 * control["f1_substring"],
        )
    )  # fmt: skip


def _deviation(values: list[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else 0.0


def far(k: int) -> str:
    found = result("far")
    times = [1000 * row["seconds"] for row in found["rows"]]
    note = (
        "A story of {characters:,} characters is answered in {low:.0f} to {high:.0f} milliseconds on one thread, depending on the "
        "network, in a process of {peak:.0f} MiB.",
        "一萬字（{characters:,} 字）的故事，單一執行緒答題要 {low:.0f} 到 {high:.0f} 毫秒，視網路而定；整個行程用 {peak:.0f} MiB 記憶體。",
    )[k]
    return note.format(
        characters=found["characters"], low=min(times), high=max(times), peak=found["peak_mib"]
    )


def asked(k: int) -> str:
    found = result("asked")
    shown = [each for each in found["answers"] if each["shown"]]
    head = [
        ("question", "問題")[k],
        ("answer", "答案")[k],
        ("probability", "機率")[k],
        ("right answer", "正確答案")[k],
    ]
    rows = [
        [each["question"], each["text"], f"{100 * each['probability']:.0f} %", each["right"]]
        for each in shown
    ]
    exact, overlaps, all_of_them = found["exact"], found["overlaps"], len(found["answers"])
    note = (
        "Three of ten questions about a [text of our own](asked/text.txt), seed 0: {exact} of the ten were answered exactly, "
        "{overlaps} more with words too many or too few.",
        "我們自己寫的[一篇文章](asked/text.txt)，十題中的三題，種子 0：十題裡有 {exact} 題完全答對，另有 {overlaps} 題多了或少了字。",
    )[k]
    assert all_of_them == 10
    return table(head, rows) + "\n\n" + note.format(exact=exact, overlaps=overlaps)


TABLES: dict[str, Callable[[int], str]] = {
    "asked": asked,
    "scoreboard": scoreboard.scoreboard,
    "sources": scoreboard.sources,
    "far": far,
    "stories": stories,
    "price": price,
    "facts": facts,
    "cmrc2018": cmrc2018,
    "cost": cost.cost_table,
    **lens_tables.TABLES,
    **other_tables.TABLES,
    **page_tables.TABLES,
    **training_tables.TABLES,
}


if __name__ == "__main__":
    main()
