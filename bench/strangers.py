"""Measures the shipped networks on stories and questions as strangers type them, which none of them was trained on.

    python -m bench.strangers [--development]

tests/demo/strangers.tsv holds 200 of them: text, question and answer, or "outside" where the text does not say. Prints,
for each network of the question's language in Chromium, how many are answered right; and of the right ones and of the
others, how many the page announces by each kind of doubt (`doubtOf` of static/verdict.js) or as a guess. Writes
results/strangers.json.

With --development it reads tests/demo/own_sentences.tsv in place of them, on which that rule was chosen, prints besides
what each bound of an answer's support would announce of the answers that point at words, and writes nothing.
"""

import argparse
import csv
import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from bench.site import BrowserNetworks, browser_page
from keepgate.demo import pretrained
from keepgate.serve import STATIC
from keepgate.serve.models import served
from keepgate.site.bundle import bundle
from keepgate.tasks.metrics import f1_bag

RESULTS = Path(__file__).parent / "results"
LISTS = Path(__file__).parents[1] / "tests" / "demo"
BOUNDS = (0, 1, 2, 3, 4, 5, 6, 7, 8)
_DOUBTS = """([all, texts, networks]) => {
    const { doubtOf, supportOf } = keepgatePage("verdict.js");
    const of = Object.fromEntries(networks.map((network) => [network.id, network]));
    return all.map((readings, k) => readings.map((read) => {
        const doubt = doubtOf(read.answer, read, { readings, text: texts[k], networks: of });
        return { kind: doubt?.kind ?? null, support: supportOf(read.answer, read, readings, of) };
    }));
}"""

Rows = list[tuple[str, str, str]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--development", action="store_true", help="read the list for development")
    development = parser.parse_args().development
    with (LISTS / ("own_sentences.tsv" if development else "strangers.tsv")).open(encoding="utf-8") as file:
        rows: Rows = [(text, question, answer) for text, question, answer in csv.reader(file, delimiter="\t")]
    answers = read(rows)
    result = {"questions": len(rows), "networks": counted(answers)}
    print(text := json.dumps(result, indent=1))
    if development:
        for line in bounds(answers):
            print(line)
    else:
        (RESULTS / "strangers.json").write_text(text + "\n")


def read(rows: Rows) -> list[dict[str, Any]]:
    """Each network's answer to each question: network, text, expected, whether a guess, kind of doubt, support."""
    models = list(served())
    with browser_page() as page:
        networks = BrowserNetworks(page, models)
        replies = networks.ask([("read", _body(text, question)) for text, question, _ in rows])
        readings = [reply["readings"] for reply in replies]
        page.add_script_tag(content=bundle(("verdict.js",), _module, function="keepgatePage"))
        of_all = [[text for text, _, _ in rows], [model.as_dict() for model in models]]
        doubts = page.evaluate(_DOUBTS, [readings, *of_all])
    return [
        {
            "network": reading["model"].split("/")[1],
            "text": reading["answer"]["text"],
            "expected": expected,
            "guess": reading["answer"]["guess"] is not None,
            **doubt,
        }
        for (_, _, expected), of_row, doubts_of_row in zip(rows, readings, doubts, strict=True)
        for reading, doubt in zip(of_row, doubts_of_row, strict=True)
    ]


def counted(answers: list[dict[str, Any]]) -> dict[str, Counter[str]]:
    """By network: right answers and others, and of each how many are announced, in all and by kind."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for answer in answers:
        count = counts[answer["network"]]
        kind = "right" if answer["text"] == answer["expected"] else "others"
        count[kind] += 1
        count["right but for an article or punctuation"] += (
            kind == "others" and f1_bag(answer["text"], answer["expected"]) == 1
        )
        count[f"{kind} announced"] += answer["kind"] is not None or answer["guess"]
        if answer["kind"]:
            count[f"{kind} announced: {answer['kind']}"] += 1
        elif answer["guess"]:
            count[f"{kind} announced: guess"] += 1
    return counts


def bounds(answers: list[dict[str, Any]]) -> list[str]:
    """What bounds of the support announce of the open networks' answers that other doubts leave."""
    left = [
        answer
        for answer in answers
        if answer["network"] in pretrained.OPEN_NAMES and answer["kind"] in (None, "unsure")
    ]
    lines = []
    for bound in BOUNDS:
        shares = []
        for right in (True, False):
            of_kind = [answer for answer in left if (answer["text"] == answer["expected"]) == right]
            announced = sum(answer["support"] <= bound or answer["guess"] for answer in of_kind)
            shares.append(f"{announced} of {len(of_kind)} {'right' if right else 'wrong'}")
        lines.append(f"bound {bound}: announces {', '.join(shares)}")
    return lines


def _module(name: str) -> str:
    return (STATIC / name).read_text("utf-8")


def _body(text: str, question: str) -> dict[str, object]:
    chinese = any("\u3400" <= letter <= "\u9fff" for letter in text + question)
    models = [f"{'zh' if chinese else 'en'}/{name}" for name in (*pretrained.NAMES, *pretrained.OPEN_NAMES)]
    return {"text": text, "question": question, "models": models}


if __name__ == "__main__":
    main()
