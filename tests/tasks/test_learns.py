"""A choice reader learns 32 examples by heart in seconds, whatever it reads with, and the same way every time."""

import random

import pytest
import torch

from keepgate.data.questions import Question
from keepgate.tasks.choice import ChoiceReaderSettings
from keepgate.tasks.choice.reader import ChoiceReader
from keepgate.tasks.task import Task

NAMES = ["魯夫", "索隆", "娜美", "騙人布", "香吉士", "喬巴", "羅賓", "佛朗基"]
GOALS = ["海賊王", "劍豪", "醫生", "廚師"]


def stories(count: int, seed: int = 0) -> list[Question]:
    rng = random.Random(seed)
    questions = []
    for day in range(count):
        goal, name, other = rng.choice(GOALS), rng.choice(NAMES), rng.choice(NAMES)
        text = f"{name}說他想成為{goal}。{other}今天去了{day}次海邊。"
        questions.append(Question(text=text, question=f"是誰想要成為{goal}?", answers=(name,), id=str(day)))
    return questions


def trained(reader: ChoiceReader, questions: list[Question], steps: int, until: float = 0.0) -> float:
    batch = reader.collate(reader.prepare(questions, training=True))
    optimiser = torch.optim.Adam(reader.parameters(), 5e-3)
    for _ in range(steps):
        optimiser.zero_grad()
        loss = reader.loss(batch)[0]
        loss.backward()
        torch.nn.utils.clip_grad_norm_(reader.parameters(), 1.0)
        optimiser.step()
        if loss < until:
            break
    return loss.item()


@pytest.mark.parametrize("pooling", ["last", "attention"])
@pytest.mark.parametrize(
    ("cell", "bidirectional"),
    [("feedforward", False)] + [(cell, both) for cell in ("rnn", "lstm", "gru") for both in (False, True)],
)
def test_it_learns_32_examples_by_heart(pooling: str, cell: str, bidirectional: bool) -> None:
    questions = stories(32)
    settings = ChoiceReaderSettings(
        cell=cell, pooling=pooling, bidirectional=bidirectional, embedding_size=32, hidden_size=48,
        window=24 if cell == "feedforward" else None,
    )  # fmt: skip
    reader = ChoiceReader.build(questions, settings, seed=0)
    assert isinstance(reader, Task)
    loss = trained(reader, questions, steps=300, until=0.02)
    assert loss < 0.02
    answers = reader.predict(questions, batch_size=5)
    assert [answer.text for answer in answers] == [question.answers[0] for question in questions]


def test_the_same_seed_learns_the_same_weights() -> None:
    questions = stories(8)
    settings = ChoiceReaderSettings(embedding_size=8, hidden_size=8, dropout=0.2)

    def weights(seed: int) -> list[torch.Tensor]:
        reader = ChoiceReader.build(questions, settings, seed)
        torch.manual_seed(5)
        trained(reader, questions, steps=3)
        return list(reader.state_dict().values())

    first, again, other = weights(1), weights(1), weights(2)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


def test_building_leaves_the_random_state_alone() -> None:
    before = torch.get_rng_state()
    ChoiceReader.build(stories(4), ChoiceReaderSettings(embedding_size=4, hidden_size=4), seed=3)
    assert torch.equal(torch.get_rng_state(), before)


def test_another_right_answer_is_learnt_where_the_first_is_no_choice() -> None:
    settings = ChoiceReaderSettings(embedding_size=4, hidden_size=4)
    reader = ChoiceReader.build(stories(8), settings, seed=0)
    both = Question(text="他說", question="誰?", answers=("某人", reader.choices[1]))
    none = Question(text="他說", question="誰?", answers=("某人",))
    assert [example.target for example in reader.prepare([both, none], training=True)] == [1]
    assert [example.target for example in reader.prepare([both, none], training=False)] == [1, None]
