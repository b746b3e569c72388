"""A classifier that misreads long texts, and the same after its verdict's advice was followed: a practitioner's story.

    python -m bench.long_rows [--out bench/results/long_rows.json]

A torch LSTM reads packed rows of 4 to 80 tokens, whose class one of the first three tokens says. It is trained with
torch's own initialisation, examined on new rows without a word about how far back the answers lie, and trained again,
equally long, with the forget gate's bias that the verdict names. Five seeds; the accuracy is that of new rows.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from bench.machine import machine
from bench.verdicts.case import planted
from bench.verdicts.judgement import batches
from bench.verdicts.models import LastStep
from bench.verdicts.problems import Keyword
from bench.verdicts.trained import tested_rows, trained
from bench.verdicts.training import Setup
from keepgate import lens
from keepgate.lens.diagnosis.answer_quality import AnswerQuality

SEEDS, STEPS = range(5), 80
CASE = planted(
    "forgets", "long rows", LastStep, Keyword(steps=STEPS, shortest=4, place="start"),
    Setup(lengths=True, rate=0.01, iterations=250),
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("bench/results/long_rows.json"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for seed in SEEDS:
        rows.append(story(seed))
        print(rows[-1], flush=True)
    found = {"machine": machine(), "steps": STEPS, "seeds": rows}
    options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def story(seed: int) -> dict[str, Any]:
    """The verdict, and the accuracies before and after following it."""
    data = batches(tested_rows(CASE, seed), True)
    before = lens.examine(trained(CASE, seed).model, data)
    advised = replace(CASE, setup=replace(CASE.setup, remember=before.needed))
    after = lens.examine(trained(advised, seed).model, data)
    return {
        "fault": before.verdict.fault,
        "needed": before.needed,
        "sentence": before.verdict.sentence,
        "before": thirds(before),
        "after": thirds(after),
        "fault_after": after.verdict.fault,
    }


def thirds(report: lens.Report) -> dict[str, float | None]:
    """The shares of right answers: of all rows, of the shortest third, and of the longest."""
    quality = report.verdict.findings.evidence.quality
    assert isinstance(quality, AnswerQuality)
    return {"all": quality.value, "short": quality.short, "long": quality.long}


if __name__ == "__main__":
    main()
