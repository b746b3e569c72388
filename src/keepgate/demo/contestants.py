"""Contestants: the networks that are compared, and the one training recipe and budget for all of them."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ..tasks.choice import ChoiceReaderSettings
from ..tasks.choice.reader import ChoiceReader
from ..train import CurriculumStage, TrainingConfig
from .stories import stories, vocabulary_coverage_set
from .story_templates import Language

# Characters of the test stories. In 22 there is room for fact and question only.
LENGTHS = (22, 100, 300, 1000)
# Stories of each length, new ones, whose goals were never seen.
STORIES = 256
# Facts at the front in the second experiment.
FACTS = 3
FACTS_LENGTHS = (44, 100, 300, 1000)

BATCH = 64
EMBEDDING, HIDDEN = 32, 64
# The memory that chrono spreads its biases over, in tokens: the longest of the stories.
HORIZON = 1000
# What the network without memory sees, in tokens: enough for fact and question, if nothing stands between.
WINDOW = 32


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Training budget of every network: stages of so many steps, each step on stories of one of the stage's lengths."""

    stages: tuple[tuple[int, tuple[int, ...]], ...]

    @property
    def steps(self) -> int:
        return sum(steps for steps, _ in self.stages)


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """One network to be trained. name: as result.Network. scale: its recurrent weights are multiplied by this."""

    name: str
    settings: ChoiceReaderSettings
    scale: float = 1.0

    @property
    def cell(self) -> str | None:
        """The recurrent cell: "rnn", "lstm", "gru" or "mingru"; None for the network without memory."""
        return None if self.settings.cell == "feedforward" else self.settings.cell

    def build(self, seed: int, language: Language = "zh") -> ChoiceReader:
        """The reader before training."""
        return ChoiceReader.build(vocabulary_coverage_set(language), self.settings, seed)


# A network of one direction that answers from its last state.
_LAST_STATE = ChoiceReaderSettings(
    pooling="last", bidirectional=False, embedding_size=EMBEDDING, hidden_size=HIDDEN
)
# The two LSTMs differ in the bias of their gates alone. The plain RNN has torch's own initial weights.
CONTESTANTS = (
    Contestant(name="feedforward", settings=replace(_LAST_STATE, cell="feedforward", window=WINDOW)),
    Contestant(name="rnn", settings=replace(_LAST_STATE, cell="rnn")),
    Contestant(
        name="lstm-zero", settings=replace(_LAST_STATE, cell="lstm", init="orthogonal", forget_bias=0.0)
    ),
    Contestant(
        name="lstm-chrono", settings=replace(_LAST_STATE, cell="lstm", init="chrono", horizon=HORIZON)
    ),
    Contestant(name="gru-chrono", settings=replace(_LAST_STATE, cell="gru", init="chrono", horizon=HORIZON)),
)
# Of the page alone. A minGRU's gates see only the input, so that one layer writes at every name; the gates of the
# second see what the first has read.
MINGRU = Contestant(
    name="mingru-chrono",
    settings=replace(_LAST_STATE, cell="mingru", num_layers=2, init="chrono", horizon=HORIZON),
)
# The plain RNN again, looked at and never trained: at 4 its largest eigenvalue is about 2.3, and although tanh dampens
# it, the gradient grows with every step (at 2.5 it still dies out: the characters that come in saturate the tanh).
SCALED = Contestant(name="rnn-scaled", settings=replace(_LAST_STATE, cell="rnn"), scale=4.0)

# With several facts: the best of the above by its last state, and attention, asked by the question.
POOLINGS = (
    Contestant(name="last", settings=replace(_LAST_STATE, cell="lstm", init="chrono", horizon=HORIZON)),
    Contestant(
        name="attention",
        settings=ChoiceReaderSettings(
            cell="lstm", pooling="attention", bidirectional=True, embedding_size=EMBEDDING, hidden_size=HIDDEN // 2,
            init="orthogonal", forget_bias=1.0,
        ),
    ),
)  # fmt: skip

# Stories of 100 characters first, where the fact is 90 steps away from the first step on: then longer ones, and short
# ones among them. Found by trying: with 22 characters first, a plain RNN now and then learns to hold on.
BUDGET = Budget(stages=((160, (100,)), (160, (22, 100)), (60, (22, 100, 300)), (60, (22, 100, 300, 1000))))
FACTS_BUDGET = Budget(stages=((250, (44,)), (200, (44, 100)), (40, (100, 300)), (10, (300, 1000))))


def run_of(seed: int) -> TrainingConfig:
    """The training recipe: Adam, 3e-3 for 60 % of the steps and then down to 0 on a line, clipped at 1."""
    return TrainingConfig(batch_size=BATCH, seed=seed, threads=1)


def stages_of(
    task: ChoiceReader, budget: Budget, facts: int, language: Language = "zh"
) -> list[CurriculumStage]:
    """The budget as curriculum stages: stories of the training split, made as they are needed."""
    return [
        CurriculumStage(steps, _maker(task, lengths, facts, language), name=f"{max(lengths)} characters")
        for steps, lengths in budget.stages
    ]


def _maker(
    task: ChoiceReader, lengths: Sequence[int], facts: int, language: Language
) -> Callable[[int, int], Sequence[object]]:
    def make(step: int, seed: int) -> Sequence[object]:  # noqa: ARG001
        length = random.Random(seed).choice(lengths)
        return task.prepare(stories(BATCH, length, seed=seed, facts=facts, language=language), training=True)

    return make
