"""python -m keepgate.demo.train_open_networks: makes the networks again that read people's own sentences on the page.

Each is a pointer reader that learns the open stories of one language, with one recipe for all cells. On one thread and
from one seed, so that a machine makes the same bytes each time. The weights are rounded to 255 steps a row, so that the
page can carry them in a byte each.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..data.questions import Question
from ..export import bundle
from ..machine import one_thread
from ..tasks.pointer.reader import PointerReader
from ..tasks.pointer.settings import PointerReaderSettings
from ..train import TrainingConfig
from ..train.loop import fit
from .jobs import card
from .open_stories.stories import open_stories
from .pretrained import FOLDER, LANGUAGES
from .short_weights import round_weights
from .story_templates import Language

STORIES, NEW_STORIES = 40_000, 400
STEPS = 3000
SEED = 0
_SIZES: dict[Language, PointerReaderSettings] = {
    "zh": PointerReaderSettings(
        vocabulary_size=400, embedding_size=12, hidden_size=28, no_answer_threshold=-1.0
    ),
    "en": PointerReaderSettings(
        vocabulary_size=600, embedding_size=16, hidden_size=36, no_answer_threshold=-1.0
    ),
}
_CELLS: dict[str, dict[str, Any]] = {
    "open-rnn": {"cell": "rnn"},
    "open-lstm": {"cell": "lstm", "forget_bias": 1.0},
    "open-gru": {"cell": "gru"},
    # Its gates see only the input: those of the second layer see what the first one remembers.
    "open-mingru": {"cell": "mingru", "num_layers": 2},
}
NAMES = tuple(_CELLS)


@dataclass(frozen=True, kw_only=True)
class Shares:
    """Of new stories: the share answered right of those with an answer, and of those without."""

    answered: float
    unanswered: float


def settings_of(language: Language, name: str) -> PointerReaderSettings:
    """Sizes by the language, the cell by the name."""
    return replace(_SIZES[language], **_CELLS[name])


def shares(task: PointerReader, stories: Sequence[Question]) -> Shares:
    """How the task answers these stories."""
    answers = task.predict(stories)
    right = [answer.text == story.answers[0] for answer, story in zip(answers, stories, strict=True)]
    of = {
        unanswerable: [
            fits for fits, story in zip(right, stories, strict=True) if story.unanswerable == unanswerable
        ]
        for unanswerable in (False, True)
    }
    return Shares(
        **{name: sum(of[kind]) / len(of[kind]) for name, kind in (("answered", False), ("unanswered", True))}
    )


def make(
    folder: Path, languages: Sequence[Language] = LANGUAGES, names: Sequence[str] = NAMES, *, steps: int = STEPS,
    count: int = STORIES, progress: bool = True,
) -> dict[str, Shares]:  # fmt: skip
    """Trains, rounds, tests and saves the networks, each in folder/LANGUAGE/NAME; their shares by "LANGUAGE/NAME".

    count: stories that are learnt from. Raises BundleError if one cannot be saved.
    """
    results = {}
    for language in languages:
        stories = open_stories(count, seed=SEED + 1, language=language)
        new = open_stories(NEW_STORIES, seed=SEED, language=language)
        examples = None
        for name in names:
            with one_thread():
                task = PointerReader.build(stories, settings_of(language, name), SEED)
                # All of a language have the same vocabulary, and so the same examples.
                examples = examples or task.prepare(stories, training=True)
                config = TrainingConfig(**_recipe(steps), seed=SEED, threads=1)
                trained = fit(task, config, examples=examples, progress=progress)
                round_weights(task)
                result = results[f"{language}/{name}"] = shares(task, new)
            figures = {
                "new stories": NEW_STORIES,
                "right, of those with an answer": f"{result.answered:.1%}",
                "right, of those without": f"{result.unanswered:.1%}",
            }
            data = (
                f"Stories made by keepgate.demo.open_stories ({language}); a token is a character or a word."
            )
            path = folder / language / name
            path.parent.mkdir(parents=True, exist_ok=True)
            bundle.save(
                task,
                path,
                card={
                    **card(name, data, SEED, trained, figures),
                    "what": "Answers a question about a story.",
                },
            )
            print(
                f"{language}/{name:<14} {trained.steps:4} steps {trained.cpu_seconds:6.1f} s of one processor  {result}"
            )
    return results


def _recipe(steps: int) -> dict[str, Any]:
    return {
        "steps": steps,
        "batch_size": 64,
        "learning_rate": 4e-3,
        "betas": (0.9, 0.98),
        "warmup": min(100, steps // 4),
        "hold_fraction": 0.5,
        "final_lr_ratio": 0.02,
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m keepgate.demo.train_open_networks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, default=FOLDER, help="where to; the package itself if left out")
    parser.add_argument("--language", choices=LANGUAGES, help="only this one's")
    parser.add_argument("--network", choices=NAMES, help="only this one")
    options = parser.parse_args()
    languages = [language for language in LANGUAGES if options.language in (None, language)]
    names = [name for name in NAMES if options.network in (None, name)]
    make(options.out, languages, names, progress=sys.stderr.isatty())


if __name__ == "__main__":
    main()
