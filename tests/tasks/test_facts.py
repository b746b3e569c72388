"""A choice reader learns from the sentences that an answer rests on: its loss by hand, and where it looks."""

import random

import pytest
import torch

from keepgate.data.questions import Question
from keepgate.errors import CorpusError, SettingsError
from keepgate.tasks import ChoiceReader
from keepgate.tasks.choice import ChoiceReaderSettings
from keepgate.train import TrainingConfig, fit

NAMES, PLACES = ("Ann", "Bob", "Eve", "Sue"), ("garden", "kitchen", "attic", "hall")


def story(rng: random.Random) -> Question:
    """Four people in four places; one of them is asked for."""
    sentences = [f"{name} is in the {rng.choice(PLACES)}." for name in rng.sample(NAMES, 4)]
    number = rng.randrange(4)
    start = sum(len(sentence) + 1 for sentence in sentences[:number])
    return Question(
        text=" ".join(sentences),
        question=f"where is {sentences[number].split()[0]}?",
        answers=(sentences[number].split()[-1][:-1],),
        facts=((start, start + len(sentences[number])),),
    )


RNG = random.Random(0)
STORIES, NEW = [story(RNG) for _ in range(160)], [story(RNG) for _ in range(40)]


def built(**settings: object) -> ChoiceReader:
    return ChoiceReader.build(STORIES, ChoiceReaderSettings(hidden_size=16, embedding_size=12, **settings), 0)


def attention_on_facts(reader: ChoiceReader, items: list[Question]) -> torch.Tensor:
    """The share of each item's attention that is on the tokens of its facts."""
    shares = []
    for item in items:
        probe = reader.probe(item)
        weights = probe.head.attention(probe.layer(probe.x)[0])[:, 0]
        ((start, end),) = item.facts
        inside = [
            start <= a and b <= end for a, b in zip(probe.tokens.starts, probe.tokens.ends, strict=True)
        ]
        shares.append(weights[torch.tensor(inside)].sum())
    return torch.stack(shares)


def test_the_loss_is_the_answers_and_that_of_the_attention() -> None:
    plain, taught = built(), built(fact_weight=0.7)
    plain.load_state_dict(taught.state_dict())
    items = [*STORIES[:5], Question(text="Ann is in the hall.", question="where is Ann?", answers=("hall",))]
    without = plain.train().loss(plain.collate(plain.prepare(items, training=True)))[0]
    batch = taught.collate(taught.prepare(items, training=True))
    # The row whose facts nobody knows costs nothing more.
    beside = -attention_on_facts(taught, items[:5]).log().sum() / 6
    torch.testing.assert_close(taught.train().loss(batch)[0], without + 0.7 * beside)
    torch.testing.assert_close(taught.eval().loss(batch)[0], plain.eval().loss(batch)[0])


def test_it_learns_to_look_at_the_facts() -> None:
    config = TrainingConfig(steps=250, batch_size=32, learning_rate=1e-2)
    reader = built(fact_weight=1.0)
    fit(reader, config, examples=reader.prepare(STORIES, training=True), progress=False)
    assert attention_on_facts(reader.eval(), NEW).mean() > 0.8
    assert reader.measure(NEW).values()["exact"] > 0.8


def test_what_cannot_be_taught_is_refused() -> None:
    with pytest.raises(SettingsError, match='pooling is "last", which has no attention to teach'):
        ChoiceReaderSettings(fact_weight=1.0, pooling="last")
    with pytest.raises(SettingsError, match='question_first is True and pooling is "last"'):
        ChoiceReaderSettings(question_first=True, pooling="last")
    with pytest.raises(SettingsError, match="fact_weight is -1"):
        ChoiceReaderSettings(fact_weight=-1.0)
    unsaid = [Question(text="a b", question="c?", answers=("a",))] * 3
    with pytest.raises(CorpusError, match="none of the 3 questions says which sentences its answer rests on"):
        ChoiceReader.build(unsaid, ChoiceReaderSettings(fact_weight=1.0), 0)
