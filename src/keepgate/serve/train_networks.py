"""python -m keepgate.serve.train_networks: makes the networks that are shipped with the page again.

Two as `keepgate compare` trains them, under its budget. Under that budget the plain RNN and the LSTM whose biases are zero
learn nothing; they are given ten times the steps, on the shortest stories, from which the LSTM learns to answer those and
forgets in longer ones. In Traditional Chinese; and the same in English, where a token is a word.
On one thread and from one seed, so that a machine makes the same bytes each time.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from ..compare import measure
from ..compare.contestants import BUDGET, CONTESTANTS, LENGTHS, Budget, Contestant, run_of, stages_of
from ..data.corpora.telling import Language
from ..export import bundle
from ..tasks.reader import ChoiceReader
from ..train.loop import Result, fit
from .shipped import FOLDER, NAMES

SEED = 0
# Test stories of each length, whose goals no training story has.
STORIES = 256
# About 4.3 characters of an English story are one token, so these are LENGTHS in tokens; 112 is the shortest there is.
ENGLISH_LENGTHS = (112, 430, 1300, 4300)


# What is learnt from the shortest stories alone takes long: after 3000 steps the LSTM answers half of them.
PATIENT = 4500
# Who is trained so.
SLOW = ("rnn", "lstm-zero")


@dataclass(frozen=True, kw_only=True)
class Course:
    """What one language's networks are trained and tested on. patient: the budget of those that learn slowly."""

    language: Language
    budget: Budget
    patient: Budget
    lengths: tuple[int, ...]
    data: str

    def budget_of(self, name: str) -> Budget:
        """What the network of this name may spend."""
        return self.patient if name in SLOW else self.budget


COURSES = (
    Course(
        language="zh",
        budget=BUDGET,
        patient=Budget(stages=((PATIENT, LENGTHS[:1]),)),
        lengths=LENGTHS,
        data="Stories in Traditional Chinese, made by keepgate.data.corpora.stories; a token is a character.",
    ),
    Course(
        language="en",
        budget=Budget(
            stages=tuple(
                (steps, tuple(dict(zip(LENGTHS, ENGLISH_LENGTHS, strict=True))[each] for each in lengths))
                for steps, lengths in BUDGET.stages
            )
        ),
        patient=Budget(stages=((PATIENT, ENGLISH_LENGTHS[:1]),)),
        lengths=ENGLISH_LENGTHS,
        data="Stories in English, made by keepgate.data.corpora.stories; a token is a word or a sign.",
    ),
)


def train(contestant: Contestant, course: Course, *, progress: bool) -> tuple[ChoiceReader, Result]:
    """One network, trained on one thread from `SEED`: the same bits each time on one machine."""
    threads, task = torch.get_num_threads(), contestant.build(SEED, course.language)
    torch.set_num_threads(1)
    # A gradient that vanishes ends in denormal numbers, with which processors take many times as long.
    torch.set_flush_denormal(True)
    try:
        stages = stages_of(task, course.budget_of(contestant.name), 1, course.language)
        return task, fit(task, run_of(SEED), stages=stages, progress=progress)
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(threads)


def make(
    folder: Path,
    courses: Sequence[Course] = COURSES,
    names: Sequence[str] = NAMES,
    *,
    stories: int = STORIES,
    progress: bool = True,
) -> dict[str, dict[int, float]]:
    """Trains, tests and saves the networks, each in folder/LANGUAGE/NAME; their accuracy by length, by "LANGUAGE/NAME".

    Raises BundleError if one cannot be saved.
    """
    found = {}
    by_name = {one.name: one for one in CONTESTANTS}
    for course in courses:
        for name in names:
            task, trained = train(by_name[name], course, progress=progress)
            right = measure.accuracy(task, course.lengths, count=stories, language=course.language)
            place = folder / course.language / name
            place.parent.mkdir(parents=True, exist_ok=True)
            bundle.save(task, place, card=_card(name, course, trained, right, stories))
            found[f"{course.language}/{name}"] = right
            shares = "  ".join(f"{length}: {share:6.1%}" for length, share in right.items())
            print(f"{course.language}/{name:<12} {trained.steps} steps  {trained.seconds:5.1f} s  {shares}")
    return found


def _card(
    name: str, course: Course, trained: Result, right: dict[int, float], stories: int
) -> dict[str, object]:
    return {
        "what": f"Says who wants to become something, in the stories of `keepgate compare`: {name}.",
        "data": f"{course.data} The answer is one of 16 names.",
        "figures": {
            "seed": SEED,
            "trained on": ", ".join(
                f"{steps} × {'/'.join(map(str, lengths))} characters"
                for steps, lengths in course.budget_of(name).stages
            ),
            "steps": trained.steps,
            "loss": round(trained.loss, 4),
            **{
                f"right at {length} characters, of {stories} new stories": f"{share:.1%}"
                for length, share in right.items()
            },
        },
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m keepgate.serve.train_networks", description=__doc__)
    parser.add_argument("--out", type=Path, default=FOLDER, help="where to; the package itself if left out")
    parser.add_argument("--language", choices=[course.language for course in COURSES], help="only this one")
    parser.add_argument("--network", choices=NAMES, help="only this one")
    given = parser.parse_args()
    courses = [course for course in COURSES if given.language in (None, course.language)]
    names = [name for name in NAMES if given.network in (None, name)]
    make(given.out, courses, names, progress=sys.stderr.isatty())


if __name__ == "__main__":
    main()
