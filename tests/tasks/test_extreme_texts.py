"""Texts of one character, of a million and of mixed scripts: every task reads them, and places stay in the text."""

import pytest

from keepgate.data.labelled import LabelledText
from keepgate.data.multilabel import MultilabelText
from keepgate.data.questions import Question
from keepgate.data.tagged import tagged_text
from keepgate.tasks import KINDS

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
