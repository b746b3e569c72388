"""The lens, measured: what attaching costs, and whether the shares of an answer are what dropping a write does.

    python bench/lens.py [--questions 500] [--out bench/results/lens.json]

Trains the readers of `keepgate compare` (seed 0), asks new stories of 300 characters, and says for each reader how
often the token with the largest share lies in the sentence that holds the answer, and the rank correlation of the
shares with the change that dropping each write makes, the mean over the questions with its 95 % interval.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import torch
from machine import machine
from torch import nn

from keepgate.compare.contestants import BUDGET, CONTESTANTS, READINGS, run_of, stages_of
from keepgate.data.corpora.stories import stories
from keepgate.data.text import tokenize
from keepgate.lens import attach, rank_correlation
from keepgate.lens.answers import answer_shares, scores_without
from keepgate.lens.statistics import bootstrap
from keepgate.train.loop import fit

SEED, LENGTH = 3_000_000, 300
READERS = [one for one in CONTESTANTS if one.name.endswith("-chrono")] + [
    r for r in READINGS if r.name == "attention"
]


def overhead(kind: str, layers: int, both: bool) -> float:
    """Extra time of a watched call over the module's own, 100 steps, batch 32, hidden 256; the medians."""
    module = getattr(nn, kind)(256, 256, layers, bidirectional=both).eval()
    x = torch.randn(100, 32, 256)
    plain, watched = [], []
    with torch.no_grad():
        for _ in range(9):
            plain.append(_seconds(module, x))
            with attach(module):
                watched.append(_seconds(module, x))
    return statistics.median(watched[2:]) / statistics.median(plain[2:]) - 1


def _seconds(module: nn.Module, x: torch.Tensor) -> float:
    start = time.perf_counter()
    module(x)
    return time.perf_counter() - start


def reader(contestant, count: int) -> dict[str, object]:
    """One trained reader over so many questions."""
    task = contestant.build(0)
    fit(task, run_of(0), stages=stages_of(task, BUDGET, 1), progress=False)
    task.eval()
    asked = stories(count, LENGTH, seed=SEED, split="test")
    right, inside, correlations, missing = [], [], [], 0.0
    for question in asked:
        shares = answer_shares(task, question)
        k = int(shares.scores.argmax())
        right.append(task.choices[k] == question.answers[0])
        missing = max(missing, float((shares.missing / shares.scores.abs().max()).abs().max()))
        carried = shares.of(task.choices[k])
        start, end = question.facts[0]
        starts = tokenize(question.text).starts
        top = int(carried.argmax())
        inside.append(top < len(starts) and start <= starts[top] < end)
        without = scores_without(task, question, range(len(shares.tokens)))
        change = (shares.scores[k] - shares.scores.mean()) - (without[:, k] - without.mean(1))
        correlations.append(rank_correlation(carried, change))
    found = torch.tensor(correlations)
    low, high = bootstrap(lambda rows: float(found[rows].mean()), len(found))
    return {
        "reader": contestant.name, "questions": count, "right": sum(right) / count,
        "top_in_sentence": sum(inside) / count,
        "rank_correlation": float(found.mean()), "interval": [low, high], "worst_missing": missing,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    results = {"machine": machine(), "overhead": [], "readers": []}
    for kind in ("LSTM", "GRU"):
        for layers in (1, 2, 3):
            for both in (False, True):
                extra = overhead(kind, layers, both)
                results["overhead"].append(
                    {"kind": kind, "layers": layers, "bidirectional": both, "extra": extra}
                )
                print(results["overhead"][-1], flush=True)
    for contestant in READERS:
        results["readers"].append(reader(contestant, given.questions))
        print(results["readers"][-1], flush=True)
    if given.out:
        given.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
