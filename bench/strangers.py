"""Measures the shipped networks on stories and questions as strangers type them, which none of them was trained on.

    python -m bench.strangers

tests/demo/strangers.tsv holds 200 of them: text, question and answer, or "outside" where the text does not say. Prints,
for each network of the question's language, how many are answered right, and how many of the others the page announces:
as outside what the network learnt, as an answer that is no more than a guess, or as either. Writes
results/strangers.json.
"""

import csv
import json
from collections import Counter
from pathlib import Path

from keepgate.data.questions import Question
from keepgate.demo.pretrained import NAMES
from keepgate.lens.readers import is_guess
from keepgate.serve.models import served
from keepgate.serve.reading_cache import read_normalised
from keepgate.serve.vocabulary_coverage import unknown

RESULTS = Path(__file__).parent / "results"
QUESTIONS = Path(__file__).parents[1] / "tests" / "demo" / "strangers.tsv"


def main() -> None:
    models = served()
    counts = {name: Counter[str]() for name in NAMES}
    with QUESTIONS.open(encoding="utf-8") as file:
        rows = list(csv.reader(file, delimiter="\t"))
    for text, question, expected in rows:
        language = "zh" if any("\u3400" <= letter <= "\u9fff" for letter in text + question) else "en"
        for name in NAMES:
            model = models[f"{language}/{name}"]
            reading = read_normalised(model, Question(text=text, question=question))
            if reading.answer.text == expected:
                counts[name]["right"] += 1
                continue
            lacking = unknown(model.task, reading.tokens.texts)
            # As static/verdict.js has it.
            asked = any(token >= reading.question_start for token in lacking)
            strange = asked or len(lacking) > 0.2 * len(reading.tokens)
            guess = is_guess(reading.answer, len(model.choices or ()))
            counts[name]["others"] += 1
            counts[name]["others outside what was learnt"] += strange
            counts[name]["others that are guesses"] += guess
            counts[name]["others announced"] += strange or guess
    result = {"questions": len(rows), "networks": counts}
    print(text := json.dumps(result, indent=1))
    (RESULTS / "strangers.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
