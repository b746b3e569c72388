"""python -m keepgate.demo.train_networks: makes the networks that are shipped with the page again.

The two that remember, as `keepgate compare` trains them, under its budget, and so a minGRU of two layers. Under that
budget the plain RNN and the LSTM whose biases begin at zero learn nothing at all. They are given more steps, on fact
and question with no story between: both learn to answer that, and in what is longer the LSTM forgets soon and the RNN
at once. What the RNN takes besides is in `rnn_recipe`.
Their weights are rounded to 24 bits, three bytes of the page each; the minGRU's to one byte.
In Traditional Chinese, and the same in English, where a token is a word. On one thread and from one seed, so that a
machine makes the same bytes each time.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..data.questions import Question
from ..export import bundle
from ..machine import one_thread
from ..tasks.choice.reader import ChoiceReader
from ..train import CurriculumStage
from ..train.loop import Result, fit
from . import measure, rnn_recipe
from .contestants import BATCH, BUDGET, CONTESTANTS, LENGTHS, MINGRU, Budget, run_of, stages_of
from .jobs import card
from .pretrained import FOLDER, NAMES
from .short_weights import round_weights, shorten_weights
from .stories import stories
from .story_templates import Language

# Test stories of each length, whose goals no training story has.
STORIES = 256
# About 4.3 characters of an English story are one token, so these are LENGTHS in tokens; 112 is the shortest there is.
ENGLISH_LENGTHS = (112, 430, 1300, 4300)
ALONE = "fact and question alone"
BY_NAME = {contestant.name: contestant for contestant in (*CONTESTANTS, MINGRU)}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained that learns nothing under the comparison's budget.

    begin, batch: from a seed and a language, the reader before training, and one step's questions. description: both
    in words, for the card.
    """

    steps: int
    description: str
    begin: Callable[[int, Language], ChoiceReader]
    batch: Callable[[int, Language], Sequence[Question]]


def alone(seed: int, language: Language) -> list[Question]:
    """Facts and their questions, no story between; the same for the same seed."""
    return stories(BATCH, None, seed=seed, language=language)


# The LSTM begins to answer after 1500 steps.
RECIPES = {
    "rnn": Recipe(
        steps=rnn_recipe.STEPS,
        description=f"{ALONE}, after up to {rnn_recipe.BEFORE} other sentences; its input weights began "
        f"{rnn_recipe.INPUT_SCALE} times as large",
        begin=rnn_recipe.begin,
        batch=rnn_recipe.batch,
    ),
    "lstm-zero": Recipe(steps=4500, description=ALONE, begin=BY_NAME["lstm-zero"].build, batch=alone),
}


@dataclass(frozen=True, kw_only=True)
class Course:
    """The training data of one language's networks. recipes: of those that the budget would teach nothing, by name.

    seed: the first with which the LSTM that forgets forgets the pirate king's name too; each holds some for good.
    """

    language: Language
    seed: int
    budget: Budget
    data: str
    recipes: Mapping[str, Recipe] = field(default_factory=lambda: RECIPES)

    @property
    def lengths(self) -> tuple[int | None, ...]:
        """Of the test stories: fact and question alone, then what the budget has above its shortest."""
        lengths = sorted({length for _, stage in self.budget.stages for length in stage})
        return (None, *lengths[1:])

    def begin(self, name: str) -> ChoiceReader:
        """The network of this name before training."""
        recipe = self.recipes.get(name)
        return (recipe.begin if recipe else BY_NAME[name].build)(self.seed, self.language)

    def stages(self, task: ChoiceReader, name: str) -> list[CurriculumStage]:
        """What the network of this name is trained on."""
        recipe = self.recipes.get(name)
        if recipe is None:
            return stages_of(task, self.budget, 1, self.language)

        def make(step: int, seed: int) -> Sequence[object]:  # noqa: ARG001
            return task.prepare(recipe.batch(seed, self.language), training=True)

        return [CurriculumStage(recipe.steps, make, name=ALONE)]


COURSES = (
    Course(
        language="zh",
        seed=0,
        budget=BUDGET,
        data="Stories in Traditional Chinese, made by keepgate.demo.stories; a token is a character.",
    ),
    Course(
        language="en",
        seed=1,
        budget=Budget(
            stages=tuple(
                (steps, tuple(dict(zip(LENGTHS, ENGLISH_LENGTHS, strict=True))[length] for length in lengths))
                for steps, lengths in BUDGET.stages
            )
        ),
        data="Stories in English, made by keepgate.demo.stories; a token is a word or a sign.",
    ),
)


def make(
    folder: Path,
    courses: Sequence[Course] = COURSES,
    names: Sequence[str] = NAMES,
    *,
    count: int = STORIES,
    progress: bool = True,
) -> dict[str, dict[int | None, float]]:
    """Trains, tests and saves the networks, each in folder/LANGUAGE/NAME; their accuracy by length, by "LANGUAGE/NAME".

    count: test stories of each length; the length None is fact and question alone.
    Raises BundleError if one cannot be saved.
    """
    accuracies = {}
    for course in courses:
        for name in names:
            with one_thread():
                task = course.begin(name)
                stages = course.stages(task, name)
                trained = fit(task, run_of(course.seed), stages=stages, progress=progress)
            (round_weights if name == MINGRU.name else shorten_weights)(task)
            accuracy = measure.accuracy(task, course.lengths, count=count, language=course.language)
            path = folder / course.language / name
            path.parent.mkdir(parents=True, exist_ok=True)
            bundle.save(task, path, card=_card(name, course, trained, accuracy, count))
            accuracies[f"{course.language}/{name}"] = accuracy
            shares = "  ".join(f"{length or 'alone'}: {share:6.1%}" for length, share in accuracy.items())
            print(f"{course.language}/{name:<12} {trained.steps:4} steps {trained.seconds:6.1f} s  {shares}")
    return accuracies


def _card(
    name: str, course: Course, trained: Result, accuracy: dict[int | None, float], count: int
) -> dict[str, object]:
    recipe = course.recipes.get(name)
    stories_text = recipe.description if recipe else "stories of all lengths below"
    data = f"{course.data} The answer is one of 16 names. It was trained on {stories_text}."
    shares = {
        f"right, {ALONE}" if length is None else f"right at {length} characters": f"{share:.1%}"
        for length, share in accuracy.items()
    }
    return card(name, data, course.seed, trained, {"new stories of each length": count, **shares})


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m keepgate.demo.train_networks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, default=FOLDER, help="where to; the package itself if left out")
    parser.add_argument("--language", choices=[course.language for course in COURSES], help="only this one's")
    parser.add_argument("--network", choices=NAMES, help="only this one")
    options = parser.parse_args()
    courses = [course for course in COURSES if options.language in (None, course.language)]
    names = [name for name in NAMES if options.network in (None, name)]
    make(options.out, courses, names, progress=sys.stderr.isatty())


if __name__ == "__main__":
    main()
