"""The tables about trainings that grow: with processes, over data larger than memory, and what is padding."""

from collections.abc import Callable

from bench import processes as measured
from bench.markdown import result


def processes(_: int) -> str:
    """Speeds with one and two processes, and those to expect of more."""
    found = result("processes")
    note = (
        f"A language model of {found['trainings']['1']['weights']:,} weights, one thread in each process, "
        f"{found['machine']['processor']}, {found['machine']['cores']} cores. On loopback a sum of gradients starts in "
        f"{1e6 * found['startup_seconds']:.0f} µs and moves {found['bytes_per_second'] / 1e9:.1f} GB/s; in a ring of p processes "
        "it takes 2 (p − 1) start-ups and moves 2 (p − 1) / p of the bytes. Expected speeds are of as many free cores and "
        "such a network; a slower one lowers them (`python -m bench.processes`)."
    )
    return f"{measured.table(found)}\n\n{note}"


def processes_in_words(k: int) -> str:
    """The same in two sentences."""
    found = result("processes")
    alone, shared, each = (
        found["trainings"][name] for name in ("1", "2, the batch shared", "2, a batch each")
    )
    return (
        "On two cores a language model of {weights:,} weights trains {each:.2f} times as fast with two processes and a batch in each, "
        "and {shared:.2f} times with one batch shared out. By what a sum of gradients takes on loopback, 8 processes, each with a batch "
        "and on a free core, are expected to be {eight:.1f} times as fast as one, and 64 {many:.0f} times (`python -m bench.processes`).",
        "在兩個核心上，{weights:,} 個權重的語言模型用兩個行程、各算一批時，訓練速度是單一行程的 {each:.2f} 倍，兩個行程分算同一批時是 {shared:.2f} 倍。"
        "依 loopback 上量到的梯度加總時間推算，8 個行程各算一批、各有一個空閒的核心時，預期是單一行程的 {eight:.1f} 倍，64 個行程是 {many:.0f} 倍"
        "（`python -m bench.processes`）。",
    )[k].format(
        weights=alone["weights"],
        each=each["characters_per_second"] / alone["characters_per_second"],
        shared=shared["characters_per_second"] / alone["characters_per_second"],
        eight=measured.expected_speed(found, 8),
        many=measured.expected_speed(found, 64),
    )  # fmt: skip


def large_text(k: int) -> str:
    """The memory of trainings on texts that stay in their file."""
    found = result("large_text")
    sentence = (
        "{model} was trained on {gib:g} GiB of text in {peak:.2f} GiB of memory, {steps} steps of its recipe; {minutes:.0f} minutes "
        "went into reading the text first, and {waiting:.1%} of the training's time into waiting for data ({processor}, "
        "`python -m bench.large_text`).",
        "{model}用 {gib:g} GiB 的文字訓練自己配方的 {steps} 步，記憶體最多用到 {peak:.2f} GiB；訓練前讀這些文字花了 {minutes:.0f} 分鐘，"
        "訓練時間裡有 {waiting:.1%} 在等資料（{processor}，`python -m bench.large_text`）。",
    )[k]
    models = {"language-model": ("A language model", "語言模型"), "classifier": ("A classifier", "分類器")}
    return "\n".join(
        sentence.format(
            model=model[k],
            gib=found[name]["gib"],
            peak=found[name]["peak_resident_gib"],
            steps=found[name]["steps"],
            minutes=(found[name]["seconds"] - found[name]["seconds_of_training"]) / 60,
            waiting=found[name]["waiting_for_data"],
            processor=found[name]["machine"]["processor"],
        )
        for name, model in models.items()
    )


def padding(_: int) -> str:
    """How much of the batches of the reader of Chinese texts is padding."""
    epochs = result("padding")["epochs"]
    share = sum(epoch["padding"] for epoch in epochs) / sum(epoch["steps"] for epoch in epochs)
    worst = max(epoch["padding"] / epoch["steps"] for epoch in epochs)
    return (
        f"{share:.1%} of the steps of its batches are padding, in the worst epoch {worst:.1%} "
        "(`python -m bench.padding`)."
    )


TABLES: dict[str, Callable[[int], str]] = {
    "large_text": large_text,
    "padding": padding,
    "processes": processes,
    "processes_in_words": processes_in_words,
}
