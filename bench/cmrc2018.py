"""The span reader on CMRC 2018 from scratch, measured on the dev part: a row of `bench/tasks.py`.

A training that was stopped goes on where it was when the same command is given again with the same --models. With
--dev-only the recipe can be tuned: 200 of the training texts are held out and measured, without a look at the dev part.

CMRC 2018: Cui et al. (2019), arXiv:1810.07366. Exact match and F1 (longest common substring) are those of its own
script; the bag F1 is SQuAD's on Chinese characters.
"""

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from bench.row import Figures, Row, Target
from keepgate.data.corpora import read
from keepgate.data.questions import Question
from keepgate.export import bundle
from keepgate.tasks.metrics import score
from keepgate.tasks.span import SpanReader, SpanReaderSettings
from keepgate.train.config import TrainingConfig
from keepgate.train.loop import fit
from keepgate.train.recipes import recipe

SETTINGS = SpanReaderSettings()
# What `keepgate train reader` does with so many questions; one thread, so that seeds can be trained side by side.
RUN = replace(recipe("span-reader", 10_000), threads=1, autocast="bfloat16")
HELD_OUT = 200
METRICS = ("exact", "f1_substring", "f1_bag")


def train(folder: Path, seed: int, test: bool, model: Path | None) -> Figures:
    """Trains one reader, saves it, and gives its figures on the dev part, which is this row's test."""
    questions = read([folder / "train.json"]).questions
    run = replace(RUN, seed=seed)
    if test:
        return one(questions, read([folder / "dev.json"]).questions, run, model)
    kept, held_out = split(questions, HELD_OUT)
    figures = one(kept, held_out, run, model)
    return figures | {"dev": figures.pop("test")}


def one(
    train: Sequence[Question], measured: Sequence[Question], run: TrainingConfig, model: Path | None
) -> Figures:
    """Trains one reader, saves it, and gives its figures. A checkpoint beside it is gone on from."""
    started, cpu_started = time.perf_counter(), time.process_time()
    reader = SpanReader.build(train, SETTINGS, seed=run.seed)
    examples = reader.prepare(train, training=True)
    prepared, cpu_prepared = time.perf_counter() - started, time.process_time() - cpu_started
    checkpoints = None if model is None else model.with_name(f"{model.name}-training")
    result = fit(
        reader, run, examples=examples, folder=checkpoints, resume=model is not None, progress=False, on_step=_say,
    )  # fmt: skip
    started = time.perf_counter()
    answers = reader.predict(measured)
    answering = time.perf_counter() - started
    scores = np.array(
        [
            [getattr(score(answer.text, question.answers), name) for name in METRICS]
            for answer, question in zip(answers, measured, strict=True)
        ]
    )
    figures = {
        "test": _means(scores),
        "bootstrap_sd": dict(zip(METRICS, _bootstrap(scores), strict=True)),
        "wrong_question": _wrong_question(reader, measured),
        "questions": len(measured),
        "trained_on": len(examples),
        "left_out_of_training": len(train) - len(examples),
        "steps": result.steps,
        "minutes": round((prepared + result.seconds) / 60, 1),
        "cpu_minutes": round((cpu_prepared + result.cpu_seconds) / 60, 1),
        "minutes_of_preparing": round(prepared / 60, 1),
        "answers_a_second": round(len(measured) / answering, 1),
        "parameters": sum(parameter.numel() for parameter in reader.parameters()),
        "learnt_parameters": sum(each.numel() for each in reader.parameters() if each.requires_grad),
        "loss": [[each["step"], round(each["loss"], 3)] for each in result.history if "loss" in each][::4],
    }
    if model is not None:
        card = {
            "what": "Answers questions about Chinese texts with a piece of the text.",
            "data": "The training part of CMRC 2018 (Cui et al. 2019; CC BY-SA 4.0), and nothing else.",
            "figures": figures["test"]
            | {name: figures[name] for name in ("questions", "steps", "cpu_minutes")},
        }
        bundle.save(reader, model, card=card)
    return figures


def split(questions: Sequence[Question], texts: int) -> tuple[list[Question], list[Question]]:
    """(kept, held out): the questions about `texts` of the texts, always the same ones, are held out."""
    every = list(dict.fromkeys(question.text for question in questions))
    held = set(random.Random(7).sample(every, texts))
    return [each for each in questions if each.text not in held], [
        each for each in questions if each.text in held
    ]


def _means(scores: np.ndarray) -> dict[str, float]:
    return dict(zip(METRICS, (round(float(each), 4) for each in scores.mean(0)), strict=True))


def _bootstrap(scores: np.ndarray, rounds: int = 1000) -> list[float]:
    """Standard deviation of each mean when the questions are drawn anew."""
    rng = np.random.default_rng(0)
    means = [scores[rng.integers(len(scores), size=len(scores))].mean(0) for _ in range(rounds)]
    return [round(float(each), 4) for each in np.std(means, 0)]


def _wrong_question(reader: SpanReader, questions: Sequence[Question]) -> dict[str, float]:
    """The control: 500 texts are asked what was asked of another text, and scored by their own answers."""
    some = random.Random(0).sample(list(questions), min(500, len(questions)))
    asked = [
        replace(each, question=other.question) for each, other in zip(some, some[1:] + some[:1], strict=True)
    ]
    answers = reader.predict(asked)
    pairs = zip(answers, asked, strict=True)
    return _means(np.array([[getattr(score(a.text, q.answers), name) for name in METRICS] for a, q in pairs]))


def _say(progress: Any) -> None:
    if progress.step % 50 == 0:
        print(
            f"{datetime.now(UTC):%H:%M:%S} step {progress.step} of {progress.steps}, {progress.name}: "
            f"loss {progress.loss:.3f}, {progress.cpu_seconds / 60:.1f} processor minutes",
            flush=True,
        )


def recipe_of() -> Mapping[str, Any]:
    """What the seeds have in common."""
    return {"settings": asdict(SETTINGS), "run": asdict(replace(RUN, seed=0))}


ROWS = [
    Row(
        name="cmrc2018",
        data="CMRC 2018, whole dev part, trained from scratch on its training part",
        folder="cmrc2018",
        targets=(
            Target(metric="exact", title="exact match", at_least=50, aim=52),
            Target(metric="f1_substring", title="F1", at_least=71.5, aim=76),
        ),
        published="45.4 / 69.8, R-NET with word vectors (Cui et al. 2019, arXiv:1810.07366)",
        train=train,
        recipe=recipe_of,
    )
]
