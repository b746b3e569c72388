"""Looks of readers of each kind."""

import pytest

from keepgate.lens import explain
from tests.lens.readers import QUESTIONS, reader

TEXT, ASKED = QUESTIONS[0].text + " 娜美說她想畫地圖。", QUESTIONS[0].question
KINDS = [
    {"cell": "lstm", "pooling": "last", "bidirectional": False},
    {"cell": "gru", "pooling": "attention", "num_layers": 2},
    {"cell": "rnn", "pooling": "last", "bidirectional": False},
]
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind["cell"])


def looked(**kind):
    return explain(reader(**kind), TEXT, ASKED)
