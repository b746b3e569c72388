"""Trains the span reader on CMRC 2018 from scratch, once for each seed, and measures it on the dev part.

    python -m bench.cmrc2018 --train train.json --dev dev.json --models models

For each seed the model goes to `models/seed-N`, and its figures to `bench/results/cmrc2018.json` beside those of other
seeds of the same recipe. A training that was stopped goes on where it was when the same command is given again. With
--held-out the recipe can be tuned on some of the training texts, without a look at the dev part.

CMRC 2018: Cui et al. (2019), arXiv:1810.07366. Exact match and F1 (longest common substring) are those of its own
script; the bag F1 is SQuAD's on Chinese characters.
"""

import argparse
import json
import random
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from bench.machine import machine
from keepgate.data.corpora import read
from keepgate.data.questions import Question
from keepgate.export import bundle
from keepgate.tasks.metrics import score
from keepgate.tasks.span import SpanReader, SpanReaderSettings
from keepgate.train.config import TrainingConfig
from keepgate.train.loop import fit
from keepgate.train.recipes import recipe

RESULTS = Path(__file__).parent / "results" / "cmrc2018.json"
SETTINGS = SpanReaderSettings()
# What `keepgate train reader` does with so many questions; one thread, so that seeds can be trained side by side.
RUN = replace(recipe("span-reader", 10_000), threads=1, autocast="bfloat16")
METRICS = ("exact", "f1_substring", "f1_bag")


def main() -> None:
    options = _options()
    train = read([options.train]).questions
    if options.held_out:
        train, measured = split(train, options.held_out)
    else:
        measured = read([options.dev]).questions
    for seed in options.seeds:
        figures = one(
            train, measured, replace(RUN, seed=seed, steps=options.steps), options.models / f"seed-{seed}"
        )
        print(json.dumps(figures, ensure_ascii=False), flush=True)
        if not options.held_out and options.steps == RUN.steps:
            record(seed, figures)


def one(
    train: Sequence[Question], measured: Sequence[Question], run: TrainingConfig, folder: Path
) -> dict[str, Any]:
    """Trains one reader, saves it in `folder`, and gives its figures. A checkpoint beside it is gone on from."""
    started, cpu_started = time.perf_counter(), time.process_time()
    reader = SpanReader.build(train, SETTINGS, seed=run.seed)
    examples = reader.prepare(train, training=True)
    prepared, cpu_prepared = time.perf_counter() - started, time.process_time() - cpu_started
    result = fit(
        reader, run, examples=examples, folder=folder.with_name(f"{folder.name}-training"), resume=True, progress=False,
        on_step=_say,
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
        **_means(scores),
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
    card = {
        "what": "Answers questions about Chinese texts with a piece of the text.",
        "data": "The training part of CMRC 2018 (Cui et al. 2019, arXiv:1810.07366; CC BY-SA 4.0), and nothing else.",
        "figures": {name: figures[name] for name in (*METRICS, "questions", "steps", "cpu_minutes")},
    }
    bundle.save(reader, folder, card=card)
    return figures


def split(questions: Sequence[Question], texts: int) -> tuple[list[Question], list[Question]]:
    """(kept, held out): the questions about `texts` of the texts, always the same ones, are held out."""
    every = list(dict.fromkeys(question.text for question in questions))
    held = set(random.Random(7).sample(every, texts))
    return [each for each in questions if each.text not in held], [
        each for each in questions if each.text in held
    ]


def record(seed: int, figures: Mapping[str, Any]) -> None:
    """Adds one seed's figures to the results, beside those of the same recipe; those of another are dropped."""
    recipe = json.loads(json.dumps({"settings": asdict(SETTINGS), "run": asdict(replace(RUN, seed=0))}))
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    seeds = results.get("seeds", {}) if results.get("recipe") == recipe else {}
    seeds = dict(sorted((seeds | {str(seed): {**figures, "machine": machine()}}).items()))
    mean = {name: statistics.mean(each[name] for each in seeds.values()) for name in METRICS}
    spread = (
        {name: statistics.stdev(each[name] for each in seeds.values()) for name in METRICS}
        if len(seeds) > 1
        else None
    )
    results = {
        "what": "CMRC 2018, whole dev part, after training from scratch on its training part",
        "mean": mean,
        "sd_between_seeds": spread,
        "recipe": recipe,
        "seeds": seeds,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    written = RESULTS.with_suffix(f".{seed}.new")
    written.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    written.replace(RESULTS)


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


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", type=Path, required=True, help="CMRC 2018's training part, SQuAD's format")
    parser.add_argument("--dev", type=Path, required=True, help="CMRC 2018's dev part")
    parser.add_argument(
        "--models", type=Path, required=True, help="folder for the models and their checkpoints"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=RUN.steps, help="another number is tried, not recorded")
    parser.add_argument(
        "--held-out", type=int, metavar="TEXTS", help="measure on these training texts, record nothing"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
