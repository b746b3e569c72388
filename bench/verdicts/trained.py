"""A case's models, trained once from each seed and kept on disk."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from bench.verdicts.case import Case
from bench.verdicts.problems import Rows
from bench.verdicts.training import TESTED, Score, Setup, drawn, initialised, score, train

KEPT = Path("build/verdicts")


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A trained model, how it was trained, its score on the rows it learnt from and on new ones."""

    model: nn.Module
    setup: Setup
    learnt: Score
    tested: Score


def tested_rows(case: Case, seed: int) -> Rows:
    return drawn(case.problem, TESTED, 10_000 + seed, case.kind)


def trained(case: Case, seed: int) -> Trained:
    """The case's model from a seed, trained as its setup says on data with the case's fault."""
    torch.manual_seed(seed)
    setup = case.setup
    model = initialised(case.network(**case.options), setup)
    rows = case.spoil(drawn(case.taught or case.problem, setup.rows, 100 + seed, case.kind), examined=False)
    kept = KEPT / f"{hashlib.sha1(repr((case, seed)).encode()).hexdigest()}.pt"
    if kept.exists():
        model.load_state_dict(torch.load(kept))
        model.eval()
    else:
        train(model, rows, setup, case.kind, seed)
        kept.parent.mkdir(parents=True, exist_ok=True)
        torch.save(model.state_dict(), kept)
    test = case.spoil(tested_rows(case, seed), examined=False)
    return Trained(
        model=model,
        setup=setup,
        learnt=score(model, rows.part(slice(TESTED)), setup, case.kind),
        tested=score(model, test, setup, case.kind),
    )
