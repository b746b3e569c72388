"""The choice reader on bAbI, one model for all tasks or a model for each: rows of `bench/tasks.py`.

Weston et al. (2015), arXiv:1502.05698. Of 1,000 questions a task one reader learns all tasks together, which have their
words and much else in common; of 10,000 each task has a reader of its own. Of 1,000 about a hundred choose the weights,
as the data's own validation part has them; of 10,000 the last tenth of the training stories. Task 3 of 10,000 is not at
hand.
"""

import re
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.row import Figures, Row, Target, config_for, cost, recipe_of, trained
from keepgate.data.corpora import read
from keepgate.data.questions import Question
from keepgate.export import bundle
from keepgate.tasks.choice import ChoiceReader, ChoiceReaderSettings
from keepgate.train import TrainingConfig, fit

SETTINGS = ChoiceReaderSettings()
# Of the reader for all tasks.
TOGETHER = ChoiceReaderSettings(hidden_size=96)
# A task whose error is below this counts as learnt, as the data's authors say.
LEARNT = 0.05


def files(folder: Path) -> dict[int, dict[str, Path]]:
    """The files of each task that has a training part, by its number and their part ("train", "valid", "test")."""
    tasks: dict[int, dict[str, Path]] = {}
    for path in folder.glob("qa*.txt"):
        number, part = re.fullmatch(r"qa(\d+)_(?:.*_)?(\w+)", path.stem).groups()  # type: ignore[union-attr]
        tasks.setdefault(int(number), {})[part] = path
    return {number: parts for number, parts in sorted(tasks.items()) if "train" in parts}


def split(questions: Sequence[Question]) -> tuple[list[Question], list[Question]]:
    """Nine tenths, and the tenth from the next story on: the questions of a story stay together."""
    at = len(questions) * 9 // 10
    while at < len(questions) and questions[at].text.startswith(questions[at - 1].text):
        at += 1
    return [*questions[:at]], [*questions[at:]]


def config(examples: int, seed: int) -> TrainingConfig:
    """The recipe of `keepgate train reader --dev` for fewer epochs of more questions."""
    return config_for("choice-reader", examples, seed, epochs=10)


def config_together(examples: int, seed: int) -> TrainingConfig:
    """The same for the questions of all tasks."""
    return config_for("choice-reader", examples, seed, evaluations=5, epochs=14)


def parts_of(paths: Mapping[str, Path], test: bool) -> dict[str, Sequence[Question]]:
    """One task's questions: those to learn from ("train"), "dev", and "test" if it is read."""
    questions = read([paths["train"]]).questions
    kept, dev = (questions, read([paths["valid"]]).questions) if "valid" in paths else split(questions)
    return {"train": kept, "dev": dev} | ({"test": read([paths["test"]]).questions} if test else {})


def one(paths: Mapping[str, Path], seed: int, test: bool) -> Figures:
    """Trains one task's reader and gives its figures, with the `error` of each part."""
    parts = parts_of(paths, test)
    kept = parts.pop("train")
    task = ChoiceReader.build(kept, SETTINGS, seed)
    examples = task.prepare(kept, training=True)
    figures = trained(task, config(len(examples), seed), examples, parts)
    return figures | {part: {"error": round(1 - figures[part]["exact"], 4)} for part in parts}


def train(folder: Path, seed: int, test: bool, model: Path | None) -> Figures:  # noqa: ARG001
    """Trains a reader for each task, and gives the error of each, their mean, and how many were learnt."""
    return summary({str(number): one(paths, seed, test) for number, paths in files(folder).items()})


def train_together(folder: Path, seed: int, test: bool, model: Path | None) -> Figures:
    """Trains one reader for all tasks, saves it, and gives the same figures."""
    tasks = {str(number): parts_of(paths, test) for number, paths in files(folder).items()}
    every = {name: [item for parts in tasks.values() for item in parts[name]] for name in ("train", "dev")}
    task = ChoiceReader.build(every["train"], TOGETHER, seed)
    examples = task.prepare(every["train"], training=True)
    result = fit(
        task, config_together(len(examples), seed), examples=examples, dev=every["dev"], progress=False
    )
    if model is not None:
        bundle.save(task, model, card={"data": "bAbI's training parts of 1,000 questions.", "figures": {}})
    errors = {
        number: {
            part: {"error": round(1 - task.measure(items).values()["exact"], 4)}
            for part, items in parts.items()
            if part != "train"
        }
        for number, parts in tasks.items()
    }
    return {**cost(task, result), **mean_errors(errors)}


def summary(tasks: Mapping[str, Figures]) -> Figures:
    """The sum of the tasks' minutes, the largest model's size, and `mean_errors`."""
    return {
        "parameters": max(of["parameters"] for of in tasks.values()),
        **{
            name: round(sum(of[name] for of in tasks.values()), 1)
            for name in ("steps", "minutes", "cpu_minutes")
        },
        "waiting": round(statistics.mean(of["waiting"] for of in tasks.values()), 4),
        **mean_errors(tasks),
    }


def mean_errors(tasks: Mapping[str, Figures]) -> Figures:
    """The mean error of the tasks and how many were learnt, and each task's error, of each part."""
    parts = [part for part in ("dev", "test") if part in next(iter(tasks.values()))]
    errors = {part: [of[part]["error"] for of in tasks.values()] for part in parts}
    return {
        **{
            part: {
                "mean_error": round(statistics.mean(errors[part]), 4),
                "learnt": sum(error < LEARNT for error in errors[part]),
            }
            for part in parts
        },
        "tasks": {number: {part: of[part]["error"] for part in parts} for number, of in tasks.items()},
    }


ROWS = [
    Row(
        name="babi",
        data="bAbI with 1,000 questions a task, one reader for all, mean error of the 20 tasks; test parts",
        folder="babi/en-valid",
        targets=(Target(metric="mean_error", title="mean error", at_least=20, aim=9.9, falls=True),),
        published="51.3 LSTM (Weston et al. 2015), 12.4 MemN2N, 9.9 QRN (Seo et al. 2016, arXiv:1606.04582)",
        train=train_together,
        recipe=lambda: recipe_of(TOGETHER, config_together(18_000, 0)) | {"readers": "one for all tasks"},
    ),
    Row(
        name="babi_10k",
        data="bAbI with 10,000 questions a task, how many of 19 tasks have an error below 5 %; test parts",
        folder="babi/en-10k",
        targets=(
            Target(metric="learnt", title="tasks", at_least=15, aim=19, percent=False, digits=0),
            Target(metric="mean_error", title="mean error", falls=True),
        ),
        published="mean error 36.4 LSTM, 0.3 QRN (Seo et al. 2016, arXiv:1606.04582)",
        train=train,
        recipe=lambda: recipe_of(SETTINGS, config(9000, 0)),
    ),
]
