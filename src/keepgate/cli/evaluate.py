"""keepgate evaluate: how often a model is right on questions whose answers are known."""

import json as json_text
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ..errors import BundleError
from .console import make_console, print_json, print_text, seconds, table
from .inputs import Model
from .output_paths import check_writable

if TYPE_CHECKING:
    from ..data.questions import Question
    from ..tasks.answer import Answer
    from ..tasks.metrics import Scores
    from ..tasks.task import Task

EPILOGUE = """Examples:

  keepgate evaluate my-model dev.json
  keepgate evaluate my-model dev.json --out predictions.jsonl --json

Exact match: the answer is one of the right ones, punctuation and capitals aside. F1 by the longest common substring is
CMRC2018's, F1 by the bag of words (of characters, in Chinese) is SQuAD's."""

METRICS = {
    "exact": "exact match",
    "f1_substring": "F1, longest common substring",
    "f1_bag": "F1, bag of words",
}

# Resamplings of the questions; with 1,000 the ends of the interval are steady to a tenth of its width.
_RESAMPLINGS = 1000
_AT_ONCE = 256


@dataclass(frozen=True)
class Measured:
    """A mean over the questions, 0 to 1, and the interval that it falls in for 95 % of other samples of questions."""

    mean: float
    low: float
    high: float


def evaluate(
    model: Model,
    data: Annotated[
        list[Path], Parameter(help="Questions with answers: SQuAD's JSON, JSON lines, TSV or bAbI.")
    ],
    /,
    *,
    out: Annotated[
        Path | None, Parameter(help="Write each prediction, with its scores, as a line of JSON.")
    ] = None,
    batch_size: Annotated[
        int, Parameter(help="Questions read at once; it changes speed and memory only.")
    ] = 64,
    json: Annotated[bool, Parameter(help="The figures as one JSON object.")] = False,
) -> None:
    """Measure a model on questions whose answers are known.

    Prints exact match and both F1 in per cent, each with the interval that holds 95% of bootstrap samples.
    """
    if out is not None:
        check_writable(out)
    from ..data.corpora import read
    from ..export import load
    from ..tasks.metrics import score

    reader = load(model)
    corpus = read(data)
    aside = make_console(errors=True)
    if corpus.left_out:
        print_text(aside, corpus.account())
    started = time.perf_counter()
    answers = answer_all(reader, corpus.questions, batch_size=batch_size)
    took = time.perf_counter() - started
    scores = [
        score(answer.text, question.answers)
        for answer, question in zip(answers, corpus.questions, strict=True)
    ]
    figures = {name: bootstrap([getattr(one, name) for one in scores]) for name in METRICS}
    if out is not None:
        write_predictions(out, corpus.questions, answers, scores)
    if json:
        counted = {"questions": len(scores), "left_out": len(corpus.left_out), "seconds": took}
        print_json(counted | {name: asdict(figure) for name, figure in figures.items()})
        return
    console = make_console()
    print_text(console, f"{len(scores):,} questions ({corpus.format}), answered in {seconds(took)}")
    rows = [
        (METRICS[name], f"{100 * one.mean:.1f}", f"{100 * one.low:.1f} to {100 * one.high:.1f}")
        for name, one in figures.items()
    ]
    console.print(table(("", "per cent", "95% interval"), rows))


def answer_all(reader: "Task", questions: "Sequence[Question]", *, batch_size: int) -> "list[Answer]":
    """One answer for each question, in order, with a bar on stderr once it has taken two seconds."""
    from ..train import ProgressBar

    answers: list[Answer] = []
    with ProgressBar(len(questions), "questions") as bar:
        for first in range(0, len(questions), _AT_ONCE):
            answers += reader.answer(questions[first : first + _AT_ONCE], batch_size=batch_size)
            bar.update(len(answers))
    return answers


def bootstrap(values: "Sequence[float]", *, seed: int = 0) -> Measured:
    """The mean, and the interval from 2.5 to 97.5 % of the means of questions drawn again with replacement."""
    import numpy as np

    rng = np.random.default_rng(seed)
    given = np.asarray(values, dtype=np.float64)
    means = [given[rng.integers(len(given), size=len(given))].mean() for _ in range(_RESAMPLINGS)]
    low, high = np.percentile(means, [2.5, 97.5])
    return Measured(float(given.mean()), float(low), float(high))


def write_predictions(
    path: Path, questions: "Sequence[Question]", answers: "Sequence[Answer]", scores: "Sequence[Scores]"
) -> None:
    """One JSON object a line: the question, its answers, what was predicted, and the scores.

    Raises BundleError if the file cannot be written.
    """
    lines = [
        json_text.dumps(
            {
                "id": question.id,
                "question": question.question,
                "answers": list(question.answers),
                "prediction": answer.text,
                "probability": answer.probability,
                **asdict(score),
            },
            ensure_ascii=False,
        )
        for question, answer, score in zip(questions, answers, scores, strict=True)
    ]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as fault:
        raise BundleError(
            f"cannot write the predictions {path}: {(fault.strerror or str(fault)).lower()}"
        ) from fault
