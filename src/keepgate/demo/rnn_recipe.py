"""Training recipe of the page's plain RNN: initial weights and training stories, so that it learns one sentence.

As the comparison has it, with torch's own weights, it learns nothing: the name stands some twenty steps before the end,
and a millionth of the gradient reaches it. So its recurrent weights begin orthogonal, and its input weights at a tenth:
what comes in no longer saturates the tanh, and four tenths of the gradient arrive.

Trained on fact and question alone it would keep the name for hundreds of characters, in a state that goes on from name
to name as the hand of a clock does: it would answer wrongly, having forgotten little. So up to two other sentences
stand before the fact. Their names it must write over, and so it writes over the answer as well when anything is told
after it. `docs/design.md` has the measurements.
"""

import random
from dataclasses import replace
from itertools import islice

from ..data.questions import Question
from ..tasks.choice.reader import ChoiceReader
from .contestants import BATCH, CONTESTANTS, Contestant
from .measure import scale_weights
from .stories import distractors, stories
from .story_templates import STORY_TEMPLATES, Language

STEPS = 1600
# Left as they are, nothing is learnt in so many steps.
INPUT_SCALE = 0.1
# Sentences before the fact, at most.
BEFORE = 2


def begin(seed: int, language: Language) -> ChoiceReader:
    """The reader before training."""
    task = _contestant().build(seed, language)
    scale_weights(task.encoder.layer, "weight_ih", INPUT_SCALE)
    return task


def batch(seed: int, language: Language) -> list[Question]:
    """Facts and their questions, each after 0 to `BEFORE` other sentences; the same for the same seed."""
    rng, sentences = random.Random(seed), distractors(seed, language)
    between = STORY_TEMPLATES[language].between
    return [
        _after("".join(islice(sentences, rng.randrange(BEFORE + 1))).removeprefix(between), between, fact)
        for fact in stories(BATCH, None, seed=seed, language=language)
    ]


def _after(before: str, between: str, fact: Question) -> Question:
    if not before:
        return fact
    text = f"{before}{between}{fact.text}"
    shift = len(text) - len(fact.text)
    return replace(
        fact,
        text=text,
        starts=tuple(None if start is None else start + shift for start in fact.starts),
        facts=tuple((start + shift, end + shift) for start, end in fact.facts),
    )


def _contestant() -> Contestant:
    (plain,) = (contestant for contestant in CONTESTANTS if contestant.name == "rnn")
    return replace(plain, settings=replace(plain.settings, init="orthogonal"))
