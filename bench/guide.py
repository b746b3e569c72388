"""Runs the guide's pages from ten seeds and on three instruction sets: which of their statements hold.

    python -m bench.guide [--seeds 10] [--on own avx2 baseline] [--pages remember explain …]

Writes results/guide.json, row by row, and prints how many runs each statement holds in. Only the seeds of the trainings
change; what is examined stays the page's. Each instruction set has a process of its own, in which the environment holds
keepgate's core, torch's own operations, MKL and oneDNN to it. The pages `story` and `README` train nothing: their
networks come with the package, and one run on each instruction set says all.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from bench.machine import instruction_set, machine
from docs import pages
from keepgate import lens

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "bench" / "results" / "guide.json"
COFFEE = 4  # where it stands in the waiter's evening

# The environment of a process that is held to an instruction set; `own` is whatever the machine has.
INSTRUCTION_SETS = {
    "own": {},
    "avx2": {
        "KEEPGATE_ISA": "avx2", "ATEN_CPU_CAPABILITY": "avx2", "MKL_CBWR": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2",
    },
    "baseline": {
        "KEEPGATE_ISA": "baseline", "ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
    },
}  # fmt: skip

Figures = dict[str, Any]


def remember(seed: int) -> Figures:
    """The waiter: what the page claims of both, and what it does without what "coffee" wrote."""
    names, _ = run("remember", seed)
    seen, waiter, evening, drinks = names["seen"], names["waiter"], names["evening"], names["DRINKS"]
    without_write = lens.interventions.ablate_writes(seen, torch.tensor([COFFEE]))
    torch.manual_seed(4)
    words, ordered = names["evenings"](2000)
    with torch.no_grad():
        accuracy = float((waiter(words).argmax(1) == ordered).double().mean())
        guessed = float((names["forgetful"](words).argmax(1) == ordered).double().mean())
        with lens.interventions.patched(waiter.lstm, without_write):
            drink = drinks[int(waiter(evening).argmax())]
    without, tea, gates = names["without"], names["tea"], names["gates"]
    explained = lens.explain(waiter, evening, labels=drinks)
    far = names["diagnosis"].gradient[-1], names["untrained"].gradient[-1]
    return {
        "accuracy": accuracy,
        "guessed": guessed,
        "verdicts": [names[name].verdict.fault for name in ("diagnosis", "untrained", "report")],
        "gradient_at_59": [float(share) for share in far],
        "horizon": names["report"].horizon,
        "forget_gate": [float(gates.f[step].mean()) for step in (COFFEE, COFFEE + 1)],
        "without_coffee": drinks[int(without[COFFEE].argmax())],
        "probability": float(without[COFFEE].max()),
        "explained": [explained.token_effects[0].step, explained.token_effects[0].without.text],
        "words_that_change_it": names["changed"].nonzero().flatten().tolist(),
        "eraser": int(tea.forgotten.argmax()),
        "erased": float(tea.forgotten.max()),
        "without_its_write": drink,
    }


def explain(seed: int) -> Figures:
    """The classifier of texts, the tagger and the forecaster."""
    names, _ = run("explain", seed)
    ids, text = names["ids"], names["text"]
    labels = ["bad", "good", "neither"]
    review = lens.explain(names["classifier"], ids, tokens=text, labels=labels)
    tag = lens.explain(names["tagger"], ids, tokens=text, labels=["other", "after the"], step=1)
    load = lens.explain(names["forecaster"], names["windows"], row=3, features=["load", "heat"])
    assert review.shares is not None
    assert load.shares is not None
    assert load.look_back is not None
    return {
        "label": review.answer.text,
        "word": review.token_effects[0].token,
        "without": [effect.without.text for effect in review.token_effects[:2]],
        "tag": [tag.answer.text, tag.token_effects[0].token],
        "lag": load.token_effects[0].token,
        "look_back": load.look_back.steps,
        "largest_share": [int(place) for place in divmod(int(load.step_shares.abs().argmax()), 2)],
        "completeness": [review.shares.completeness, load.shares.completeness],
    }


def questions(seed: int) -> Figures:
    """Reviews and their repairs, a window, a policy, two layers, a tagger, and what was frozen."""
    names, _ = run("questions", seed)
    ids, lengths, labels, row = names["ids"], names["lengths"], names["labels"], names["row"]
    with torch.no_grad():
        repaired = [
            float((names[name](ids, lengths).argmax(1) == labels).double().mean())
            for name in ("chrono", "shorter_first")
        ]
    word = lens.explain(names["chrono"], (ids, lengths), row=row, tokens=names["words"]).token_effects[0]
    window = lens.explain(names["forecaster"], names["windows"]).look_back
    assert window is not None
    return {
        "fault": names["report"].verdict.fault,
        "repaired": repaired,
        "careless": lens.examine(names["careless"], [(ids, labels)]).verdict.fault,
        "word": word.token,
        "window": window.steps,
        "policy": names["look_back"].steps,
        "follow_memory": names["shares"],
        "tag": [names["explanation"].token_effects[0].token, names["future"] > names["past"]],
        "moved": names["moved"],
    }


def printed(page: str, seed: int) -> Figures:
    """What the blocks of a page print, where it shows that."""
    _, texts = run(page, seed)
    return {
        "printed": [text for text, block in zip(texts, blocks(page), strict=True) if block.shown is not None]
    }


def run(page: str, seed: int) -> tuple[dict[str, Any], list[str]]:
    """A page's Python with its trainings begun from another seed."""
    text = path_of(page).read_text(encoding="utf-8")
    for name in ("manual_seed(0)", "seed=0", "TrainingConfig("):
        new = f"{name}seed={seed}, " if name.endswith("(") else name.replace("0", str(seed))
        text = re.sub(rf"\b{re.escape(name)}", new, text)
    return pages.run(text)


def path_of(page: str) -> Path:
    return ROOT / "README.md" if page == "README" else ROOT / "docs" / "guide" / f"{page}.md"


def blocks(page: str) -> list[pages.Block]:
    return pages.blocks(path_of(page).read_text(encoding="utf-8"))


# How a page is measured, and whether it trains anything.
PAGES: dict[str, tuple[Callable[[int], Figures], bool]] = {
    "remember": (remember, True),
    "explain": (explain, True),
    "questions": (questions, True),
    "classifier": (lambda seed: printed("classifier", seed), True),
    "series": (lambda seed: printed("series", seed), True),
    "tagger": (lambda seed: printed("tagger", seed), True),
    "language_model": (lambda seed: printed("language_model", seed), True),
    "story": (lambda seed: printed("story", seed), False),
    "README": (lambda seed: printed("README", seed), False),
}


def holds(page: str, figures: Figures) -> dict[str, bool]:
    """The page's statements about what it trained, each with whether it holds by these figures."""
    if page == "remember":
        near, far = figures["gradient_at_59"]
        closed, opened = figures["forget_gate"]
        return {
            "it learns": figures["accuracy"] > 0.9 > 0.3 > figures["guessed"],
            "all words count": figures["horizon"] == 60,
            "coffee alone carries the answer": figures["words_that_change_it"] == [COFFEE],
            "without it there is tea": figures["without_coffee"] == "tea",
            "explain says so too": figures["explained"] == [COFFEE, "tea"],
            "the verdicts": figures["verdicts"] == ["forgets", "untrained", "none"],
            "the signal is gone, and with chrono it arrives": near < 1e-9 < 1e-2 < far,
            "the forget gate closes at coffee": closed < opened,
            "coffee erases most of tea": figures["eraser"] == COFFEE,
        }
    if page == "explain":
        return {
            "the text is good because of love": (figures["label"], figures["word"]) == ("good", "love"),
            "without love it is neither, without the next word good": figures["without"]
            == ["neither", "good"],
            "film is tagged because of the": figures["tag"] == ["after the", "the"],
            "the load hangs most on the heat four steps ago": (figures["lag"], figures["largest_share"])
            == ("t−4", [11, 1]),
            "the look-back is five steps": figures["look_back"] == 5,
            "the forecaster's shares sum to the difference": abs(figures["completeness"][1] - 1) < 1e-3,
        }
    if page == "questions":
        return {
            "the network forgets, and both repairs help": figures["fault"] == "forgets"
            and min(figures["repaired"]) > 0.95,
            "the padding is what is wrong": figures["careless"] == "padding",
            "good or bad decides": figures["word"] in ("good", "bad"),
            "the window's look-back is five steps": figures["window"] == 5,
            "the policy's is four steps or a little more": 4 <= figures["policy"] <= 7,
            "most answers go with the memory of one layer or the other": sum(figures["follow_memory"]) > 0.5,
            "the tag rests on the next word": figures["tag"] == ["good", True],
            "what is frozen does not move": figures["moved"]
            == ["embedding.weight", "head.weight", "head.bias"],
        }
    shown = [block.shown for block in blocks(page) if block.shown is not None]
    return {"it prints what it shows": figures["printed"] == shown}


def rows(on: str, names: list[str], seeds: int) -> Iterator[dict[str, Any]]:
    """A row for each page and seed, from this very process."""
    torch.set_num_threads(1)
    used = [instruction_set(), torch.backends.cpu.get_cpu_capability()]
    for name in names:
        measure, trains = PAGES[name]
        for seed in range(seeds if trains else 1):
            yield {"page": name, "on": on, "used": used, "seed": seed, "figures": measure(seed)}


def rows_on(on: str, names: list[str], seeds: int) -> Iterator[dict[str, Any]]:
    """The same from a process that is held to an instruction set."""
    command = [sys.executable, "-m", "bench.guide", "--here", on, "--seeds", str(seeds), "--pages", *names]
    environment = {**os.environ, **INSTRUCTION_SETS[on]}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        yield from map(json.loads, child.stdout)
    if child.returncode:
        raise SystemExit(child.returncode)


def stored() -> list[dict[str, Any]]:
    """The rows that were measured already."""
    measured: list[dict[str, Any]] = (
        json.loads(RESULTS.read_text(encoding="utf-8"))["rows"] if RESULTS.exists() else []
    )
    return measured


def store(row: dict[str, Any]) -> None:
    """Writes a row in place of the one of its page, instruction set and seed."""

    def key(row: dict[str, Any]) -> tuple[int, int, int]:
        return [*PAGES].index(row["page"]), [*INSTRUCTION_SETS].index(row["on"]), row["seed"]

    all_rows = sorted([*(old for old in stored() if key(old) != key(row)), row], key=key)
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in all_rows)
    RESULTS.write_text(f'{{"machine": {json.dumps(machine())},\n"rows": [\n{lines}\n]}}\n', encoding="utf-8")


def counts(measured: list[dict[str, Any]]) -> dict[tuple[str, str, str], tuple[int, int]]:
    """By page, statement and instruction set: in how many of how many runs it holds."""
    result: dict[tuple[str, str, str], tuple[int, int]] = {}
    for row in measured:
        for statement, true in holds(row["page"], row["figures"]).items():
            key = row["page"], statement, row["on"]
            held, runs = result.get(key, (0, 0))
            result[key] = held + true, runs + 1
    return result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--on", nargs="+", choices=INSTRUCTION_SETS, default=[*INSTRUCTION_SETS])
    parser.add_argument("--pages", nargs="+", choices=PAGES, default=[*PAGES])
    parser.add_argument(
        "--here", choices=INSTRUCTION_SETS, help="print the rows of this process, held to one"
    )
    options = parser.parse_args()
    if options.here:
        for row in rows(options.here, options.pages, options.seeds):
            print(json.dumps(row, ensure_ascii=False), flush=True)
        return
    for on in options.on:
        for row in rows_on(on, options.pages, options.seeds):
            store(row)
            print(json.dumps(row, ensure_ascii=False), flush=True)
    for (page, statement, on), (held, runs) in counts(stored()).items():
        print(f"{page}: {statement}, on {on}: {held} of {runs}")


if __name__ == "__main__":
    main()
