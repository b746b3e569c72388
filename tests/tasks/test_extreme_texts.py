"""Texts of one character, of a million and of mixed scripts: every task reads them, and places stay in the text."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from keepgate.data.labelled import LabelledText
from keepgate.data.multilabel import MultilabelText
from keepgate.data.questions import Question
from keepgate.data.tagged import tagged_text
from keepgate.data.vocabulary import Vocabulary
from keepgate.export import save
from keepgate.tasks import KINDS, Tagger
from keepgate.tasks.pointer.network import PointerNetwork
from keepgate.tasks.span.features import TEXT_FEATURES, analyse, compare
from keepgate.tasks.span.network import SpanNetwork
from tests.cli.conftest import Keepgate, keepgate  # noqa: F401

TEXTS = ["好房間", "壞房間 好", "好地方"] * 4
QUESTIONS = [Question(text=text, question="好?", answers=(text[0],)) for text in TEXTS]
ITEMS = {
    "choice-reader": QUESTIONS,
    "classifier": [LabelledText(text=text, label=text[0]) for text in TEXTS],
    "language-model": [LabelledText(text=text) for text in TEXTS],
    "multilabel-classifier": [MultilabelText(text=text, labels=tuple(set(text[:2]))) for text in TEXTS],
    "pointer-reader": QUESTIONS,
    "span-reader": QUESTIONS,
    "tagger": [tagged_text([*"好房間"], ["B-X", "O", "O"])] * 4,
}
# A million tokens one after the other take these up to half a minute.
LONG = {"pointer-reader", "span-reader", "tagger"}
CASES = [
    pytest.param(kind, text, marks=[pytest.mark.slow] if kind in LONG and len(text) > 100 else [])
    for kind in ITEMS
    for text in ("好", "👩\u200d🚀 cafe\u0301 שלום 好", "好房間 " * 250_000)
]


@pytest.mark.parametrize(
    ("kind", "text"), CASES, ids=lambda value: value if value in ITEMS else str(len(value))
)
def test_a_text_of_any_length_and_script_is_read(kind: str, text: str) -> None:
    settings = KINDS[kind].task.settings_type(hidden_size=6, embedding_size=6)
    task = KINDS[kind].build(ITEMS[kind], settings, 0, None).eval()
    item = task.item(text, "好?") if KINDS[kind].asks else task.item(text)
    (answer,) = task.predict([item])
    assert 0 < answer.probability <= 1
    if answer.start is not None and kind != "tagger":
        assert text[answer.start : answer.end] == answer.text, (
            "offsets are code points of the text as it was given"
        )
    if kind == "tagger":
        (tags,) = task.tags([item])
        places = zip(item.tokens.texts, item.tokens.starts, item.tokens.ends, strict=True)
        assert len(tags) == len(item.tokens)
        assert all(text[start:end] == token for token, start, end in places)


# ﬁ 0, ½ 1, e 2 and its accent 3, woman 4, joiner 5, rocket 6, blank 7, ㍿ 8, Ａ 9, blank 10: 好 is the twelfth.
STRANGE = "ﬁ½e\u0301👩\u200d🚀 ㍿Ａ 好 cafe\u0301"
AT, AFTER = 11, 12


def built(kind: str, items: list[Any]) -> Any:
    settings = KINDS[kind].task.settings_type(hidden_size=6, embedding_size=6)
    return KINDS[kind].build(items, settings, 0, None).eval()


def point(monkeypatch: pytest.MonkeyPatch, task: Any) -> None:
    """Has networks point at 好 and taggers tag it, whatever their weights."""
    vocabulary = task.words if task.kind == "pointer-reader" else task.vocabulary
    (good,) = vocabulary.ids(["好"])
    assert good > 1
    of_spans, of_pointers = SpanNetwork.forward, PointerNetwork.forward

    def span(self: SpanNetwork, text: Any, question: Any) -> Any:
        scores = of_spans(self, text, question)
        one = torch.zeros_like(scores.span)
        one[..., 0] = 50.0 * text.words.T.eq(good)
        return replace(scores, span=one)

    def pointer(self: PointerNetwork, inputs: Any) -> Any:
        scores, none = of_pointers(self, inputs)
        one = torch.zeros_like(scores)
        one[..., 0] = 50.0 * inputs.words[: scores.shape[1]].T.eq(good)
        return one, none - 50

    def states(self: Tagger, batch: Any) -> Any:
        read = torch.zeros(*batch.ids.shape[:2], self.encoder.output_size)
        read[..., 0] = batch.ids[..., 0].eq(good)
        return read

    monkeypatch.setattr(SpanNetwork, "forward", span)
    monkeypatch.setattr(PointerNetwork, "forward", pointer)
    monkeypatch.setattr(Tagger, "states", states)


@pytest.mark.parametrize("kind", ["pointer-reader", "span-reader"])
def test_an_answers_place_is_counted_in_code_points_of_the_text_as_it_was_given(
    kind: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    keepgate: Keepgate,  # noqa: F811
) -> None:
    task = built(kind, QUESTIONS)
    point(monkeypatch, task)
    (answer,) = task.predict([task.item(STRANGE, "好?")])
    assert (answer.text, answer.start, answer.end) == ("好", AT, AFTER)
    save(task, tmp_path / "model", card={})
    (tmp_path / "text.txt").write_text(STRANGE, encoding="utf-8")
    ran = keepgate("ask", tmp_path / "model", "--text", tmp_path / "text.txt", "--question", "好?", "--json")
    told = json.loads(ran.out)
    assert (told["answer"], told["start"], told["end"]) == ("好", AT, AFTER)


@pytest.mark.parametrize("words", [False, True])
def test_an_entitys_place_is_too(
    words: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    keepgate: Keepgate,  # noqa: F811
) -> None:
    tokens = ["好", "room" if words else "房", "間"]
    task = built("tagger", [tagged_text(tokens, ["B-X", "O", "O"])] * 4)
    with torch.no_grad():
        task.readout.weight.zero_()
        task.readout.weight[task.choices.index("B-X"), 0] = 100.0
        task.readout.bias.copy_(torch.tensor([50.0 * (tag == "O") for tag in task.choices]))
    point(monkeypatch, task)
    save(task, tmp_path / "model", card={})
    (tmp_path / "texts.jsonl").write_text(json.dumps({"text": STRANGE}) + "\n")
    ran = keepgate("tag", tmp_path / "model", tmp_path / "texts.jsonl")
    (entity,) = json.loads(ran.out)["entities"]
    assert entity == {"type": "X", "text": "好", "start": AT, "end": AFTER}


def test_an_accent_is_looked_up_however_it_is_written_and_places_stay_those_of_the_text() -> None:
    composed, apart = "caf\u00e9", "cafe\u0301"
    for trained, other in ((composed, apart), (apart, composed)):
        vocabulary = Vocabulary([trained, "e"])
        assert vocabulary.ids([trained, other, "e", "cafe"]) == [2, 2, 3, 1]
    both = Vocabulary([composed, apart])
    assert both.ids([composed, apart]) == [2, 3], "tokens that it has are its own"
    task = built("span-reader", [Question(text=f"{composed} 好", question="好?", answers=("好",))] * 4)
    side, written_apart = (analyse(f"{word} 好", task.statistics) for word in (composed, apart))
    assert side.ids.tolist() == written_apart.ids.tolist()
    assert written_apart.tokens.ends == (5, 7)
    features, _ = compare(written_apart, analyse(f"{composed}?", task.statistics))
    assert features[0, TEXT_FEATURES.index("matches")] == 1
