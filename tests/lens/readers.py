"""Small readers with large random weights, and what they are asked."""

import pytest
import torch

from keepgate.data.questions import Question
from keepgate.tasks import ChoiceReader
from keepgate.tasks.choice import ChoiceReaderSettings

QUESTIONS = [
    Question(text="魯夫說他想成為海賊王。", question="是誰想要成為海賊王?", answers=("魯夫",), starts=(0,)),
    Question(text="索隆說他想成為大劍豪。", question="是誰想要成為大劍豪?", answers=("索隆",), starts=(0,)),
    Question(text="娜美說她想畫地圖。", question="是誰想要畫地圖?", answers=("娜美",), starts=(0,)),
]

KINDS = [
    {"cell": cell, "pooling": pooling, "bidirectional": both, "num_layers": layers}
    for cell in ("lstm", "gru")
    for pooling in ("last", "attention")
    for both in (False, True)
    for layers in (1, 2)
]
KINDS.append(KINDS[-1] | {"question_first": True})
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: " ".join(map(str, kind.values())))


def reader(**kind) -> ChoiceReader:
    settings = ChoiceReaderSettings(embedding_size=4, hidden_size=5, dropout=0.3, **kind)
    task = ChoiceReader.build(QUESTIONS, settings, seed=0).double()
    with torch.no_grad():
        for weight in task.parameters():
            weight.normal_(0, 0.7)
    return task


def scores(task):
    task.eval()
    found = task(task.collate(task.prepare(QUESTIONS[:1], training=False)))[0]
    task.train()
    return found.detach()


def answered(task, output, k):
    question = task.prepare(QUESTIONS[:1], training=False)[0].question

    def instead(module, inputs, result):
        return result if len(inputs[0]) == len(question) else (output, result[1])

    hook = task.encoder.layer.register_forward_hook(instead)
    found = scores(task)
    hook.remove()
    return float(found[k] - found.mean())
