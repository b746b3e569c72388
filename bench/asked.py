"""Asks a trained reader ten questions about a text that nobody has trained on, as a user would.

    python -m bench.asked models/cmrc2018/seed-0

Writes results/asked.json: every answer, right or wrong, and how many are right.
"""

import argparse
import json
from pathlib import Path

from bench.machine import machine
from keepgate.data.questions import Question
from keepgate.export import load
from keepgate.tasks.metrics import score

HERE = Path(__file__).parent
# What the README shows: a name, a number, and one that is wrong.
SHOWN = ("望江楼是谁设计的？", "云江大桥是哪一年通车的？", "现在从镇上到省城要多长时间？")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    model = load(parser.parse_args().model)
    text = (HERE / "asked" / "text.txt").read_text(encoding="utf-8")
    lines = (HERE / "asked" / "questions.tsv").read_text(encoding="utf-8").splitlines()[1:]
    pairs = [line.split("\t") for line in lines]
    answers = model.predict([Question(text=text, question=question) for question, _ in pairs])
    scores = [score(answer.text, (right,)) for answer, (_, right) in zip(answers, pairs, strict=True)]
    exact = sum(one.exact == 1 for one in scores)
    overlaps = sum(
        one.exact == 0 and (right in answer.text or answer.text in right)
        for answer, (_, right), one in zip(answers, pairs, scores, strict=True)
    )
    result = {
        "machine": machine(),
        "exact": exact,
        "overlaps": overlaps,
        "answers": [
            {
                "question": question,
                "right": right,
                "text": answer.text,
                "probability": answer.probability,
                "exact": bool(one.exact),
                "shown": question in SHOWN,
            }
            for answer, (question, right), one in zip(answers, pairs, scores, strict=True)
        ],
    }
    (HERE / "results" / "asked.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    print(f"{exact} of {len(pairs)} exactly right, {overlaps} more with words too many or too few")


if __name__ == "__main__":
    main()
