"""A pointer reader: what it sees of a token, its scores by hand, and questions that it knows by heart or not at all."""

from pathlib import Path

import pytest
import torch

from keepgate.data.questions import NO_ANSWER, Question
from keepgate.errors import CorpusError, SettingsError, ShapeError
from keepgate.export import load, save
from keepgate.tasks.pointer.features import BITS, SIZE, code, features, folded
from keepgate.tasks.pointer.reader import PointerReader
from keepgate.tasks.pointer.settings import PointerReaderSettings
from keepgate.tasks.task import Calibrated, Task
from tests.oracles import agrees

STORY = "Ana likes tea. Bo likes milk."


def asked(question: str, answer: str, text: str = STORY) -> Question:
    if not answer:
        return Question(text=text, question=question, answers=NO_ANSWER)
    return Question(text=text, question=question, answers=(answer,), starts=(text.index(answer),))


QUESTIONS = [
    asked("Who likes tea?", "Ana"),
    asked("Who likes milk?", "Bo"),
    asked("What does Ana like?", "tea"),
    asked("What does Bo like?", "milk"),
    asked("Who likes rain?", ""),
    asked("誰喜歡茶？", "小安", text="小安喜歡茶。"),
    asked("小博住在哪裡？", "", text="小安喜歡茶。"),
]


def reader(**changes: object) -> PointerReader:
    settings = PointerReaderSettings(**{"embedding_size": 6, "hidden_size": 12, "mask_rate": 0.0, **changes})
    return PointerReader.build(QUESTIONS, settings, seed=0)


def learnt(**changes: object) -> PointerReader:
    task = reader(**changes)
    batch = task.collate(task.prepare(QUESTIONS, training=True))
    optimiser = torch.optim.Adam(task.parameters(), 2e-2)
    for _ in range(150):
        optimiser.zero_grad()
        loss = task.loss(batch)[0]
        loss.backward()
        optimiser.step()
        if loss < 0.02:
            break
    assert loss < 0.1
    return task.eval()


def test_a_code_is_fnv_1a_of_the_code_points_with_murmurs_finalizer() -> None:
    # FNV-1a of "a" is 0xE40C292C in 32 bits (Noll's list); the finalizer is a bijection, computed here anew.
    number = 0xE40C292C
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        number = ((number ^ number >> shift) * factor) % 2**32
    assert code("a") == tuple(SIZE if number >> bit & 1 else -SIZE for bit in range(BITS))
    codes = {code(chr(letter)) for letter in range(0x4E00, 0x4E00 + 500)}
    assert len(codes) > 490


def test_matches_are_of_stems_alone_and_beside_their_neighbours() -> None:
    text, question = ["ana", "likes", "green", "tea"], ["who", "liked", "green", "apples"]
    rows = features(text, question, asked=False)
    assert rows[:, BITS:].tolist() == [[0, 0, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]
    assert features(question, text, asked=True)[:, -1].tolist() == [1, 1, 1, 1]
    assert folded("？") == folded("?") == "?"
    assert folded("Ａ") == "a"


def test_a_span_scores_its_start_and_end_and_padding_changes_nothing() -> None:
    task = reader(max_answer_span=3).eval()
    batch = task.collate(task.prepare(QUESTIONS, training=False))
    with torch.no_grad():
        together, none = task.network(batch.inputs)
        for row, question in enumerate(QUESTIONS):
            alone = task.collate(task.prepare([question], training=False)).inputs
            network, tokens = task.network, int(alone.text_lengths)
            states = network.layer(network.embed(alone))[0][:, 0]
            query = torch.cat([states[-1, :12], states[tokens, 12:]])
            hidden = torch.stack(
                [network.pointer(torch.cat([state, query])).tanh() for state in states[:tokens]]
            )
            start, end = network.ends(hidden).T
            for first in range(tokens):
                for beyond in range(min(3, tokens - first)):
                    agrees(together[row, first, beyond], start[first] + end[first + beyond])
            agrees(none[row], network.none(torch.cat([query, hidden.amax(0)]))[0])
            assert (together[row, tokens:] < -1e3).all()


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn", "mingru"])
def test_it_learns_by_heart_what_is_said_and_what_is_not(cell: str, tmp_path: Path) -> None:
    task = learnt(cell=cell)
    assert isinstance(task, Task)
    assert isinstance(task, Calibrated)
    answers = task.predict(QUESTIONS, batch_size=3)
    assert [answer.text for answer in answers] == [question.answers[0] for question in QUESTIONS]
    assert [answer.start for answer in answers] == [question.starts[0] for question in QUESTIONS]
    save(task, tmp_path / "model", card={"what": "small"})
    again = load(tmp_path / "model").predict(QUESTIONS)
    assert [(answer.text, answer.start) for answer in again] == [
        (answer.text, answer.start) for answer in answers
    ]
    assert [answer.probability for answer in again] == pytest.approx(
        [answer.probability for answer in answers]
    )


def test_the_probe_answers_as_the_reader_and_its_margins_are_log_odds() -> None:
    task = learnt()
    for question in QUESTIONS:
        probe = task.probe(question)
        output = probe.layer(probe.x)[0]
        (answer,) = task.predict([question])
        assert len(probe.tokens) == len(output)
        assert probe.answer == answer
        assert probe.head.answers(output)[0] == answer
        share = probe.head.probabilities(output)[0]
        assert share.item() == pytest.approx(answer.probability, abs=1e-5)
        assert probe.head.margin(output).sigmoid().item() == pytest.approx(share.item(), abs=1e-5)
    with pytest.raises(KeyError, match="'Cy' is no answer"):
        probe.head.margin(output, "Cy")


def test_losses_fall_back_to_no_answer_where_the_answer_is_out_of_sight() -> None:
    task = learnt()
    (example,) = task.prepare(QUESTIONS[:1], training=True)
    with torch.no_grad():
        whole, cut = (task.losses([example], last).item() for last in (None, 5))
        blind = Question(text="Bo likes milk.", question="Who likes tea?", answers=NO_ANSWER)
        assert cut >= whole
        assert cut == pytest.approx(task.losses(task.prepare([blind], training=True)).item(), abs=10)


def test_what_cannot_be_learnt_or_read_is_said() -> None:
    task = reader(max_answer_span=2)
    long = asked("Who likes tea?", "Ana likes tea")
    nowhere = Question(text=STORY, question="Who?", answers=("Cy",))
    reasons = [
        task.unlearnable(example) for example in task.prepare([*QUESTIONS[:1], long, nowhere], training=False)
    ]
    assert reasons == [None, "the answer is too long to point at", "the answer is not in the text"]
    with pytest.raises(ShapeError, match="without a known answer"):
        task.loss(task.collate(task.prepare([nowhere], training=False)))
    with pytest.raises(CorpusError, match="no question to learn from"):
        PointerReader.build([], PointerReaderSettings(), seed=0)
    with pytest.raises(CorpusError):
        task.prepare([Question(text=" ", question="Who?")], training=False)
    with pytest.raises(SettingsError, match="memory"):
        PointerReaderSettings(cell="feedforward")


def test_the_threshold_is_chosen_on_questions() -> None:
    task = learnt()
    assert task.abstains
    assert "7 questions" in task.calibrate(QUESTIONS)
    assert [answer.text for answer in task.predict(QUESTIONS)] == [
        question.answers[0] for question in QUESTIONS
    ]
