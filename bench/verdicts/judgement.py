"""What the lens says of a case, held against what was planted."""

import time
from dataclasses import asdict
from typing import Any

from bench.verdicts.case import Case
from bench.verdicts.problems import Rows
from bench.verdicts.trained import Trained, tested_rows, trained
from keepgate import lens
from keepgate.errors import SettingsError

# What each fault of a verdict claims of a model, in the words of `case.Truth`.
CLAIMS = {
    "none": "healthy",
    "unknown": "cannot say",
    "forgets": "forgets",
    "untrained": "untrained",
    "extrapolates": "untrained",
    "overfitted": "overfitted",
    "padding": "padding",
    "mixed": "data",
    "constant": "constant",
    "contrary": "data",
    "varies": "varies",
    "saturated": "saturated",
    "exploding": "exploding",
    "targets": "data",
}
BATCH = 60
# A model that answers so well, all rows and the shortest and the longest third, has not caught the planted fault.
WELL, THIRD = 0.85, 0.8
# A model has not learnt its few rows by heart if it answers new ones nearly as well, short by no more than this.
BY_HEART = 0.1


def batches(rows: Rows, lengths: bool) -> list[tuple[Any, ...]]:
    """The rows as a user would give them, four batches, with their lengths if the model wants them."""
    parts = [rows.part(slice(first, first + BATCH)) for first in range(0, len(rows.x), BATCH)]
    return [(part.x, part.lengths, part.y) if lengths else (part.x, part.y) for part in parts]


def judged(case: Case, seed: int = 0) -> dict[str, Any]:
    """The row of the table for the case's model from a seed, without its advice."""
    model = trained(case, seed)
    row = scores(case, model)
    begin = time.process_time()
    try:
        report = lens.examine(
            model.model, batches(case.spoil(tested_rows(case, seed), examined=True), case.setup.lengths)
        )
    except SettingsError as refused:
        row |= {"claim": "data", "sentence": str(refused)}
    else:
        row |= {"claim": CLAIMS[report.verdict.fault], "sentence": str(report).split("\n  ")[0]}
    claim = row["claim"]
    verdict = "right" if claim in row["truth"] else "honest" if claim == "cannot say" else "wrong"
    return row | {"judged": verdict, "seconds": round(time.process_time() - begin, 1)}


def escaped(case: Case, model: Trained) -> bool:
    """Whether the planted fault did not keep the model from learning, by its answers to new rows."""
    tested = model.tested
    well = tested.all >= WELL and min(tested.short, tested.long) >= THIRD
    if case.truth == "overfitted":
        return well and model.learnt.all - tested.all <= BY_HEART
    return well and case.truth not in ("healthy", "data")


def scores(case: Case, model: Trained) -> dict[str, Any]:
    """What was planted, with the scores that show it."""
    tested = {name: round(value, 3) for name, value in asdict(model.tested).items()}
    return {
        "name": case.name,
        "kind": case.kind,
        "network": f"{case.network.__name__} {case.options or ''}".strip(),
        "truth": [case.truth, *case.also, *(["healthy"] if escaped(case, model) else [])],
        "learnt": round(model.learnt.all, 3),
        "tested": tested["all"],
        "short": tested["short"],
        "long": tested["long"],
    }
