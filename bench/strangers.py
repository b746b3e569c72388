"""Measures the shipped networks on stories and questions as strangers type them, which none of them was trained on.

    python -m bench.strangers

tests/demo/strangers.tsv holds 200 of them: text, question and answer, or "outside" where the text does not say. Prints,
for each network of the question's language in Chromium, how many are answered right, and how many of the right ones and
of the others the page announces: as outside what the network learnt, as an answer that is no more than a guess, or as
either. Writes results/strangers.json.

The page's rule, `whyOutside` of static/verdict.js, was set after this list had been seen: what it announces of these
questions says little of others. The first rule, that any token at all is unknown, is counted too.
"""

import csv
import json
from collections import Counter
from pathlib import Path

from bench.site import BrowserNetworks, browser_page
from keepgate.demo import pretrained
from keepgate.serve import STATIC
from keepgate.serve.models import served
from keepgate.site.bundle import bundle
from keepgate.tasks.metrics import f1_bag

RESULTS = Path(__file__).parent / "results"
QUESTIONS = Path(__file__).parents[1] / "tests" / "demo" / "strangers.tsv"


def main() -> None:
    with QUESTIONS.open(encoding="utf-8") as file:
        rows = list(csv.reader(file, delimiter="\t"))
    counts = {name: Counter[str]() for name in (*pretrained.NAMES, *pretrained.OPEN_NAMES)}
    with browser_page() as page:
        networks = BrowserNetworks(
            page, list(served()), {**pretrained.folders(), **pretrained.open_folders()}
        )
        replies = networks.ask([("read", _body(text, question)) for text, question, _ in rows])
        readings = [reply["readings"] for reply in replies]
        page.add_script_tag(content=bundle(("verdict.js",), _module, function="keepgatePage"))
        outside = page.evaluate(
            """([all, texts]) => {
                const { whyOutside } = keepgatePage("verdict.js");
                const isOutside = (read, text) => whyOutside(read.answer.text, read, text, true) !== null;
                return all.map((readings, k) => readings.map((read) => isOutside(read, texts[k])));
            }""",
            [readings, [text for text, _, _ in rows]],
        )
    for (_, _, expected), readings_of_row, outside_of_row in zip(rows, readings, outside, strict=True):
        for reading, is_outside in zip(readings_of_row, outside_of_row, strict=True):
            count = counts[reading["model"].split("/")[1]]
            text = reading["answer"]["text"]
            kind = "right" if text == expected else "others"
            count["right but for an article or punctuation"] += (
                kind == "others" and f1_bag(text, expected) == 1
            )
            guess = reading["answer"]["guess"] is not None
            count[kind] += 1
            count[f"{kind} outside what was learnt"] += is_outside
            count[f"{kind} that are guesses"] += guess
            count[f"{kind} announced"] += is_outside or guess
            count[f"{kind} announced by the first rule"] += bool(reading["unknown"]) or guess
    result = {"questions": len(rows), "networks": counts}
    print(text := json.dumps(result, indent=1))
    (RESULTS / "strangers.json").write_text(text + "\n")


def _module(name: str) -> str:
    return (STATIC / name).read_text("utf-8")


def _body(text: str, question: str) -> dict[str, object]:
    chinese = any("\u3400" <= letter <= "\u9fff" for letter in text + question)
    models = [f"{'zh' if chinese else 'en'}/{name}" for name in (*pretrained.NAMES, *pretrained.OPEN_NAMES)]
    return {"text": text, "question": question, "models": models}


if __name__ == "__main__":
    main()
