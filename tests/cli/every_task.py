"""A small data file for each kind of task, in the form that its training reads, and the words of a short training."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.cli import (
    test_classifier,
    test_forecaster,
    test_language_model,
    test_multilabel,
    test_series_classifier,
    test_tagger,
    test_train,
)

TEXT = "the lovely room, floor 1. 魯夫說他想成為海賊王。"


@dataclass(frozen=True, kw_only=True)
class Example:
    """A kind's data and training. write: to a file of this name; options: the command's own; sizes: small settings.

    examined: what `examine` says that it read. look: what `look` is given to read, and question, what is asked.
    """

    command: str
    file: str
    write: Callable[[Path], Path]
    options: tuple[object, ...] = ()
    sizes: tuple[str, ...] = ("hidden_size=4",)
    examined: str = "texts of up to"
    look: str = TEXT
    question: str | None = None

    def training(self, folder: Path) -> list[object]:
        """`train` of two steps on the data, which is written here, with the model's name still to be given."""
        data = self.write(folder / self.file)
        sizes = [word for size in self.sizes for word in ("--set", size)]
        return ["train", self.command, data, *self.options, "--steps", 2, "--batch-size", 4, *sizes]

    def looking(self, folder: Path) -> list[object]:
        """The options of `look` that say what is read, and what is asked of it; written here."""
        (folder / "look.txt").write_text(self.look, encoding="utf-8")
        return [
            "--text",
            folder / "look.txt",
            *(() if self.question is None else ("--question", self.question)),
        ]


def _text(path: Path) -> Path:
    path.write_text(test_language_model.TEXT, encoding="utf-8")
    return path


def _series(path: Path) -> Path:
    path.write_text(test_forecaster.rows(90), encoding="utf-8")
    return path


def _reader(kind: str) -> Example:
    return Example(
        command="reader", file="asked.jsonl", write=lambda path: test_train.write(path, 12), options=("--kind", kind),
        examined="12 questions, texts of up to", question="是誰?",
    )  # fmt: skip


EVERY_TASK = {
    "choice-reader": _reader("choice"),
    "classifier": Example(command="classifier", file="texts.csv", write=test_classifier.write),
    "forecaster": Example(
        command="forecaster", file="power.csv", write=_series, options=("--target", "load"),
        sizes=("hidden_size=4", "look_back=12", "steps_ahead=3"), examined="1 series, read in windows",
        look=test_forecaster.rows(24), question="load+2",
    ),
    "language-model": Example(
        command="language-model", file="plays.txt", write=_text, examined="1 text, each place predicted"
    ),
    "multilabel-classifier": Example(command="classifier", file="texts.jsonl", write=test_multilabel.write),
    "pointer-reader": _reader("pointer"),
    "series-classifier": Example(
        command="series-classifier", file="steps.csv", write=test_series_classifier.write,
        examined="24 series of up to 5 steps", look="heat,load\n0.1,0.2\n3,0.3\n",
    ),
    "span-reader": _reader("span"),
    "tagger": Example(command="tagger", file="tags.conll", write=test_tagger.write),
}  # fmt: skip
