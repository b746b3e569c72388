"""Networks that point read in the browser as in Python: answers, gates, changes, origins; packing loses nothing."""

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bench.site import (
    BrowserNetworks,
    compare_interventions,
    compare_readings,
    in_float64,
    own_sentences,
    shipped_pointers,
)
from keepgate.data.questions import Question
from keepgate.demo.open_stories.stories import open_stories
from keepgate.demo.short_weights import round_weights, short
from keepgate.errors import BundleError
from keepgate.export import save
from keepgate.lens.readers import hierarchical_search
from keepgate.serve.models import Model, served
from keepgate.serve.reading_cache import read_normalised
from keepgate.site.packed_weights import fit_bytes, packed, shortened
from keepgate.tasks import PointerReader
from keepgate.tasks.pointer import PointerReaderSettings

# Python decides spans in float32; the rest is the order of the sums.
NEAR = 1e-5
STORIES = [*open_stories(6, seed=5), *open_stories(6, seed=5, language="en")]
LONG = Question(text="小安喜歡茶。" + "今天下雨，Ａnn 看了𠮷野家。" * 12, question="誰喜歡茶？")


@pytest.fixture(scope="module")
def pointers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Untrained pointer readers of every shipped cell, with larger weights, so that their answers differ."""
    folders = {}
    for cell in ("rnn", "lstm", "gru", "mingru"):
        settings = PointerReaderSettings(
            cell=cell, embedding_size=5, hidden_size=6, pointer_size=4, vocabulary_size=40
        )
        task = PointerReader.build(STORIES, settings, seed=1)
        with torch.no_grad():
            for weight in task.parameters():
                weight.mul_(3)
        round_weights(task)
        folders[cell] = tmp_path_factory.mktemp("pointers") / cell
        save(task, folders[cell], card={"what": cell})
    return folders


def test_they_read_alike_and_answer_alike_under_changes(browser: Any, pointers: dict[str, Path]) -> None:
    own: list[Model] = [model for model in served(pointers.values()) if not model.shipped]
    page = browser.new_page()
    networks = BrowserNetworks(page, own)
    questions = [*STORIES, LONG]
    alike = compare_readings(networks, own, questions)
    assert alike.compared == len(own) * len(questions)
    changed = compare_interventions(networks, own, questions, 60)
    assert alike.other_answers == changed.other_answers == 0
    assert max(alike.probability, alike.gates, alike.states, changed.probability) < NEAR
    asked = [(model, question) for model in own for question in (STORIES[0], LONG)]
    body = [
        {"text": question.text, "question": question.question, "model": model.id} for model, question in asked
    ]
    for (model, question), reply in zip(
        asked, networks.ask([("answer", each) for each in body]), strict=True
    ):
        sentences, tokens = hierarchical_search(read_normalised(in_float64(model), question))
        for here, there in ((sentences, reply["sentences"]), (tokens, reply["tokens"])):
            drops = [effect.probability_drop for effect in here]
            assert [each["share"] for each in there] == pytest.approx(drops, abs=1e-4)
    page.close()


@pytest.mark.parametrize(("stories", "changes"), [(40, 20), pytest.param(1000, 200, marks=pytest.mark.slow)])
def test_the_shipped_ones_read_alike_and_answer_alike_under_changes(
    browser: Any, stories: int, changes: int
) -> None:
    models = shipped_pointers(list(served()))
    assert len(models) == 8
    page = browser.new_page()
    networks, questions = BrowserNetworks(page, models), own_sentences(stories)
    alike = compare_readings(networks, models, questions)
    assert alike.compared == 4 * stories
    changed = compare_interventions(networks, models, questions, changes)
    assert changed.compared == changes
    assert alike.other_answers == changed.other_answers == 0
    assert max(alike.probability, alike.gates, alike.states, changed.probability) < NEAR
    page.close()


def test_packed_weights_are_the_weights() -> None:
    torch.manual_seed(0)
    task = PointerReader.build(STORIES, PointerReaderSettings(hidden_size=8), seed=2)
    round_weights(task)
    tensors = {name: weight.detach().numpy() for name, weight in task.named_parameters()}
    assert fit_bytes(tensors)
    for name, part in packed(tensors).items():
        numbers = np.frombuffer(_bytes(part["numbers"]), np.int8 if "steps" in part else np.float32)
        whole = numbers.reshape(part["shape"])
        if "steps" in part:
            whole = whole.astype(np.float32) * np.frombuffer(_bytes(part["steps"]), np.float32)[:, None]
        assert (whole == tensors[name]).all(), name
    with pytest.raises(BundleError, match="weight is not in whole multiples"):
        packed(other := {"weight": np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)})
    assert not fit_bytes(other)


def test_shortened_weights_are_the_weights() -> None:
    weights = torch.tensor([1.0, -1.5, 0.1, 1e-9, 3.0e5]).reshape(5, 1)
    rounded = short(weights)
    assert torch.allclose(rounded, weights, rtol=2**-16, atol=0)
    part = shortened({"weight": rounded.numpy()})["weight"]
    upper = np.frombuffer(_bytes(part["short"]), np.uint8).reshape(-1, 3)
    whole = np.pad(upper, ((0, 0), (1, 0))).view(np.float32)
    assert (whole == rounded.numpy()).all()
    with pytest.raises(BundleError, match="of more than 24 bits"):
        shortened({"weight": weights.numpy()})


def _bytes(text: str) -> bytes:
    return base64.b85decode(text)
