"""The tables of what the lens finds, in both READMEs, in bench/README.md and in the guide."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from bench.guide import INSTRUCTION_SETS, counts
from bench.markdown import result, spread, table

# The cases of `bench.explained`, as Chinese pages call them.
EXPLAINED = {
    "classifier, last state": "分類器，最後的狀態",
    "classifier, mean": "分類器，平均",
    "classifier, maximum": "分類器，最大值",
    "classifier, attention": "分類器，注意力",
    "classifier, packed, both ways, two layers": "分類器，打包，雙向，兩層",
    "classifier, plain RNN, mean": "分類器，普通的 RNN，平均",
    "regression of text, [rows]": "文字的迴歸，[rows]",
    "regression of a series, [rows, 1]": "序列的迴歸，[rows, 1]",
    "tagger, both ways": "標註器，雙向",
    "forecaster, lag 6": "預測器，延遲 6",
}


def explained(k: int) -> str:
    """How often `explain` names first what an answer was planted on."""
    found = result("explained")
    by_case: dict[str, list[dict[str, Any]]] = {}
    for row in found["cases"]:
        by_case.setdefault(row["case"], []).append(row)
    head = [("answers that hang on one planted step", "the step has the largest effect", "and the largest share"),
            ("取決於一步的答案", "那一步的影響最大", "份額也最大")][k]  # fmt: skip
    of = ("{} of {}", "{} / {}")[k]
    lines = [
        [
            (case, EXPLAINED[case])[k],
            *(
                of.format(sum(row[name] for row in rows), sum(row["rows"] for row in rows))
                for name in ("effect_first", "share_first")
            ),
        ]
        for case, rows in by_case.items()
    ]
    learned = [row for row in found["look_back"] if row["loss"] < 0.1]
    right = sum(row["steps"] == row["lag"] + 1 for row in learned)
    note = (
        "The look-back is the planted lag's in {right} of the {learned} forecasters that learned it, of {all} with lags from 1 to 15.",
        "{all} 個預測器（延遲 1 到 15）裡有 {learned} 個學會，其中 {right} 個的視窗長度正好是埋下的延遲。",
    )[k].format(right=right, learned=len(learned), all=len(found["look_back"]))
    return table([*head], lines) + "\n\n" + note


def library_models(k: int) -> str:
    """How often `explain` names a planted step first, in models of libraries."""
    head = [("model", "the planted step has the largest effect"), ("模型", "埋下的一步影響最大")][k]
    of = ("{} of {}", "{} / {}")[k]
    rows = result("library_models")["models"]
    return table(
        [*head],
        [
            [f"{row['library']} {row['version']}, {row['model']}", of.format(row["first"], row["rows"])]
            for row in rows
        ],
    )


def waiter(k: int) -> str:
    """What holds of the guide's waiter, trained from several seeds on several instruction sets."""
    rows = [row["figures"] for row in result("guide")["rows"] if row["page"] == "remember"]

    def number(holds: list[bool]) -> str:
        return ("{} of {}", "{} / {}")[k].format(sum(holds), len(rows))

    def percent(name: str) -> str:
        low, high = (f"{100 * pick(row[name] for row in rows):.0f}" for pick in (min, max))
        return f"{low} %" if low == high else f"{low}–{high} %"

    lines = [
        (("with torch's bias: right drinks", "用 torch 的偏置：端對的比例"), "", percent("guessed")),
        (("with the chrono bias: right drinks", "用 chrono 偏置：端對的比例"), "", percent("accuracy")),
        (
            ("its answers depend on all 60 words", "答案取決於全部 60 個詞"),
            number([row["horizon"] == 60 for row in rows]),
            "",
        ),
        (
            ("without “coffee” it brings tea; so sure", "少了「咖啡」就端紅茶；把握"),
            number([row["without_coffee"] == "tea" for row in rows]),
            percent("probability"),
        ),
        (
            ("no other word changes the drink", "少了別的詞都不會端錯"),
            number([row["words_that_change_it"] == [4] for row in rows]),
            "",
        ),
        (
            ("“coffee” erased most of “tea”; so much of it", "擦掉「紅茶」最多的是「咖啡」；擦掉"),
            number([row["eraser"] == 4 for row in rows]),
            percent("erased"),
        ),
        (
            (
                "without what “coffee” wrote, but with what it erased, it brings tea",
                "只拿掉「咖啡」寫入的內容，端紅茶",
            ),
            number([row["without_its_write"] == "tea" for row in rows]),
            "",
        ),
    ]
    head = [("", "holds of", "from–to"), ("", "成立", "範圍")][k]
    return table([*head], [[names[k], count, span] for names, count, span in lines])


def guide(k: int) -> str:
    """In how many runs the statements of the guide's pages hold, by instruction set."""
    held = counts(result("guide")["rows"])
    head = [("page", "what it says", *INSTRUCTION_SETS), ("頁面", "它說的話", *INSTRUCTION_SETS)][k]
    of = ("{} of {}", "{} / {}")[k]

    def cell(key: tuple[str, str, str]) -> str:
        return of.format(*held[key]) if key in held else "–"

    statements = dict.fromkeys((page, statement) for page, statement, _ in held)
    rows = [[*each, *(cell((*each, on)) for on in INSTRUCTION_SETS)] for each in statements]
    return table([*head], rows)


def completeness(k: int) -> str:
    """What the shares of the guide's classifier of texts sum to."""
    sums = [row["figures"]["completeness"][0] for row in result("guide")["rows"] if row["page"] == "explain"]
    return (
        "That the shares sum to the whole is no matter of course where an answer is so sure: trained from ten seeds, and on "
        "the instruction sets of three processors, such classifiers had {:.2f} to {:.2f} of it. Below or above 1, trust the effects.",
        "答案這麼有把握時，份額加起來等於全部並不是理所當然：從十個種子、在三種處理器的指令集上訓練，這樣的分類器加起來是 "
        "{:.2f} 到 {:.2f}。不是 1 的時候，請相信刪掉之後的答案。",
    )[k].format(min(sums), max(sums))


def long_rows(k: int) -> str:
    """What following a verdict did for a classifier's long texts."""
    measured = result("long_rows")
    before, after = ([row[when]["long"] for row in measured["seeds"]] for when in ("before", "after"))
    note = (
        "So it says of a torch classifier of packed texts of up to {steps} tokens, without a word about where the answers lie. "
        "With that bias, the same training gets {after} of the longest third right instead of {before} "
        "(five seeds, `python -m bench.long_rows`). [How often the verdicts are right](bench/README.md#is-the-verdict-right).",
        "它這樣說一個讀打包文字（最長 {steps} 個 token）的 torch 分類器，沒有人告訴它答案在多久以前。照這個偏置、同樣的訓練，最長的三分之一答對 {after}，"
        "原本是 {before}（五個種子，`python -m bench.long_rows`）。[診斷有多常是對的](bench/README.md#is-the-verdict-right)。",
    )[k]
    sentence = measured["seeds"][0]["sentence"]
    return f"> {sentence}\n\n" + note.format(
        steps=measured["steps"], before=spread(before), after=spread(after)
    )


# The seeds judged, and what was written with a look at their cases. Seed 4 was judged before, too: 96 right, 7, 1 wrong.
SEEDS = {
    0: ("the cases, the first rules", "案例、最早的規則"),
    2: ("mended rules", "修改過的規則"),
    3: ("mended rules", "修改過的規則"),
    4: ("one rule, when it had 96, 7 and 1", "一條規則，原先是 96、7、1"),
    5: ("two rules, when it had 96, 7 and 1", "兩條規則，原先是 96、7、1"),
    6: ("nothing: judged once", "沒有：只評一次"),
    7: ("nothing: judged once", "沒有：只評一次"),
}


def verdicts(k: int) -> str:
    """What the lens says of models with planted faults, by seed and by fault, and how often its advice helped."""
    by_seed = {seed: result(f"verdicts-seed-{seed}")["cases"] for seed in SEEDS}
    by_fault: dict[str, list[dict[str, Any]]] = {}
    for row in (row for cases in by_seed.values() for row in cases):
        by_fault.setdefault(row["truth"][0], []).append(row)

    def line(rows: list[dict[str, Any]]) -> list[str]:
        counts = Counter(row["judged"] for row in rows)
        advised = [row["helped"] for row in rows if row["helped"] is not None]
        of = ("{} of {}", "{} / {}")[k]
        helped = of.format(sum(advised), len(advised)) if advised else "–"
        return [*(str(n) for n in (len(rows), counts["right"], counts["honest"], counts["wrong"])), helped]

    head = [("models", "right", "“the numbers do not tell”", "wrong", "the advice helped"),
            ("模型", "對", "「這些數字看不出來」", "錯", "建議有用")][k]  # fmt: skip
    seeds = table(
        [("seed", "種子")[k], ("looked at for", "看著它寫了")[k], *head],
        [[str(seed), looked_at[k], *line(by_seed[seed])] for seed, looked_at in SEEDS.items()],
    )
    faults = table(
        [("planted", "埋下的")[k], *head],
        [[name, *line(rows)] for name, rows in by_fault.items()],
    )
    note = (
        "`python -m bench.verdicts --advice --seed …`. "
        "Also right: “nothing is seen to be wrong” of a model that learnt its problem in spite of the fault (one of few rows, if it answers new ones "
        "at most 0.1 below them), and “train longer” of one that forgets, where that helps. Advice helps if the score on new rows, the mean of three seeds, rises by more than 0.02 of 1; "
        "each was followed once for a case, whichever the seed that was judged.",
        "`python -m bench.verdicts --advice --seed …`。"
        "埋了毛病仍然學會的模型（只有少數列的：新的列最多差 0.1）說「沒有毛病」、會忘的模型說「訓練久一點」而且真的有用，也算對。三個種子在新的列上的平均分數（最高 1）升高超過 0.02，建議才算有用；"
        "同一個案例的同一個建議只照做一次，不論評的是哪個種子。",
    )[k]
    return f"{seeds}\n\n{faults}\n\n{note}"


TABLES: dict[str, Callable[[int], str]] = {
    "explained": explained,
    "library_models": library_models,
    "waiter": waiter,
    "guide": guide,
    "completeness": completeness,
    "long_rows": long_rows,
    "verdicts": verdicts,
}
