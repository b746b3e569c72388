"""A pointer reader as ONNX: its answers follow from the scores that the file gives for texts and questions."""

import numpy as np
import onnxruntime
import pytest
import torch

import keepgate.onnx
from keepgate.demo.open_stories.stories import open_stories
from keepgate.demo.pretrained import open_folders
from keepgate.export import load
from keepgate.onnx.pointer_network import PointerFunction
from keepgate.tasks.span.settings import NEVER
from tests.runtime.models import built, items_of

pytestmark = pytest.mark.usefixtures("as_users_run")


def check_answers(task, items, file):
    report = keepgate.onnx.export(task, file)
    text, question = PointerFunction(task).sides(items)
    feeds = {
        f"{name}.{part}": getattr(side, part).numpy()
        for name, side in (("text", text), ("question", question))
        for part in ("words", "features", "lengths")
    }
    assert [*report.inputs] == [*feeds]
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    span, none = session.run(["span", "none"], feeds)
    with torch.no_grad():
        inputs = task.collate(task.prepare(items, training=False)).inputs
        for ours, theirs in zip((span, none), task.network(inputs), strict=True):
            possible = theirs.numpy() > NEVER / 2
            assert (possible == (ours > NEVER / 2)).all()
            assert np.abs(ours - theirs.numpy())[possible].max() < 1e-5 * max(1, np.abs(ours[possible]).max())
    texts = [item.text for item in items]
    answers = task.decided(texts, torch.from_numpy(span), torch.from_numpy(none))
    assert [answer.text for answer in answers] == [answer.text for answer in task.predict(items)]
    return report


@pytest.mark.parametrize("name", ["pointer", pytest.param("pointer, or none", marks=pytest.mark.slow)])
def test_a_pointer_reader_gives_the_scores_from_which_its_answers_follow(name, tmp_path):
    task = built(name)
    report = check_answers(task, items_of(task), tmp_path / "a.onnx")
    assert report.difference < 1e-5
    assert len(report.shapes) == 3
    assert (
        b"keepgate/onnx" not in report.file.read_bytes()
    )  # no path of this machine, nor of a line of the model's
    assert report.size < 1.2 * sum(4 * parameter.numel() for parameter in task.parameters()) + 20_000


@pytest.mark.slow
@pytest.mark.parametrize("folder", open_folders())
def test_a_shipped_network_answers_as_here(folder, tmp_path):
    task = load(open_folders()[folder])
    items = open_stories(30, seed=7, language=folder.partition("/")[0])
    report = check_answers(task, items, tmp_path / "a.onnx")
    assert sum(report.operators.values()) == 2
