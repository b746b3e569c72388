"""Taggers and forecasters as ONNX: their own answers follow from what the file gives for their own inputs."""

from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch

import keepgate.onnx
from keepgate.data.tagged import tagged_text
from keepgate.errors import ShapeError
from keepgate.onnx.task_networks import ForecastNetwork, TaggerNetwork
from keepgate.tasks import Tagger
from keepgate.tasks.tagger import TaggerSettings
from tests.runtime.models import ENGLISH, STORIES, built, with_large_weights
from tests.runtime.test_forecasts import FORMS, items, pair

pytestmark = pytest.mark.usefixtures("as_users_run")


def run(report, tensors):
    """The outputs by name; None is no input."""
    session = onnxruntime.InferenceSession(str(report.file), providers=["CPUExecutionProvider"])
    names = [entry.name for entry in session.get_inputs()]
    feeds = dict(zip(names, (tensor.numpy() for tensor in tensors if tensor is not None), strict=True))
    return dict(zip(report.outputs, session.run(None, feeds), strict=True))


def best(emissions, start, between, end):
    """The best sequence by trying all that end in each label: Viterbi by hand, as a caller writes it."""
    score, paths = start + emissions[0], [[label] for label in range(len(start))]
    for emission in emissions[1:]:
        ways = score[:, None] + between
        paths = [[*paths[ways[:, label].argmax()], label] for label in range(len(start))]
        score = ways.max(0) + emission
    return paths[(score + end).argmax()]


def check_tags(task, texts, tmp_path):
    with torch.no_grad():  # so large that tags hang on them
        for name, parameter in task.crf.named_parameters():
            parameter.copy_(
                torch.randn(parameter.shape, generator=torch.Generator().manual_seed(len(name))) * 3
            )
    report = keepgate.onnx.export(task, tmp_path / "a.onnx")
    outputs = run(report, TaggerNetwork(task).example(texts))
    for name, moves in zip(("start", "between", "end"), task.crf.transitions(), strict=True):
        assert np.array_equal(outputs[name], moves.detach().numpy())
    for row, text in enumerate(texts):
        # Beside longer rows it is what the task makes of it alone.
        batch = task.collate(task.prepare([task.item(text)], training=False))
        with torch.no_grad():
            emissions = task.emissions(batch)[:, 0].numpy()
            label_scores = task.label_logits(task.states(batch), batch.lengths) if task.text_labels else None
        assert np.abs(outputs["emissions"][: len(emissions), row] - emissions).max() < 1e-5
        if label_scores is not None:
            assert np.abs(outputs["label_scores"][row] - label_scores[0].numpy()).max() < 1e-5
    moves = [outputs[name] for name in ("start", "between", "end")]
    tags = task.tags([task.item(text) for text in texts])
    for row, expected in enumerate(tags):
        path = best(outputs["emissions"][: len(expected), row], *moves)
        assert [task.choices[number] for number in path] == [*expected]
    return report, outputs


def test_a_tagger_gives_emissions_and_moves_from_which_its_tags_follow(tmp_path):
    report, _ = check_tags(built("tagger, words and letters"), [ENGLISH, "Bob sees Ann."], tmp_path)
    assert [*report.inputs] == ["tokens", "pairs", "letters", "lengths"]
    assert report.difference < 1e-5


@pytest.mark.slow
def test_a_tagger_of_characters(tmp_path):
    report, _ = check_tags(built("tagger, characters"), [STORIES[35].text, STORIES[0].text], tmp_path)
    assert [*report.inputs] == ["tokens", "pairs", "lengths"]


@pytest.mark.slow
def test_a_tagger_of_whole_texts_too_gives_the_scores_of_their_labels(tmp_path):
    texts = [
        replace(tagged_text(["play", name], ["O", "B-NAME"]), label=label)
        for name, label in (("Ann", "music"), ("Bob", "film"))
    ]
    settings = TaggerSettings(embedding_size=6, pair_size=0, letter_size=0, hidden_size=5, min_count=1)
    task = with_large_weights(Tagger.build(texts, settings, seed=0))
    _, outputs = check_tags(task, ["play Bob", "Ann Bob play Ann"], tmp_path)
    expected = [
        label for _, label in task.tags_and_labels([task.item("play Bob"), task.item("Ann Bob play Ann")])
    ]
    assert [task.text_labels[number] for number in outputs["label_scores"].argmax(1)] == expected


def test_a_multilabel_classifier_scores_0_or_more_for_each_label_that_it_gives(tmp_path):
    task = built("multilabel")
    report = keepgate.onnx.export(task, tmp_path / "a.onnx")
    items = [task.item(text) for text in (STORIES[35].text, STORIES[0].text)]
    batch = task.collate(task.prepare(items, training=False))
    (scores,) = run(report, [batch.ids, batch.lengths]).values()
    given = [tuple(np.array(task.labels)[row >= 0]) for row in scores]
    assert given == task.labels_given(task.probabilities(items))
    assert 0 < len(given[0]) < len(task.labels)


@pytest.mark.parametrize(
    ("form", "covariates", "alone"),
    [
        ("plain", True, True),
        pytest.param("standard, two layers, absent quantiles", False, False, marks=pytest.mark.slow),
        pytest.param("segments that do not divide", True, False, marks=pytest.mark.slow),
    ],
)
def test_a_forecaster_gives_its_forecast_in_the_data_s_own_units(form, covariates, alone, tmp_path):
    series = items(covariates=covariates)[: 2 if alone else 1]
    task, _, series = pair(tmp_path, covariates=covariates, series=series, **FORMS[form])
    report = keepgate.onnx.export(task, tmp_path / "a.onnx")
    steps, back = len(series[0]), task.look_back
    windows = [
        np.concatenate([item.targets, item.past[:steps], item.known[:steps]], 1)[steps - back :]
        for item in series
    ]
    prepared = [task.prepared(item) for item in series]
    feeds = {"values": np.stack(windows, 1)}
    if covariates:
        feeds["known"] = np.stack([item.known[steps : steps + task.ahead] for item in series], 1)
        feeds["numbers"] = np.array([[float(item.static[1])] for item in series])
        feeds["categories"] = np.stack([part.categories for part in prepared])
    if alone:
        feeds["means"], feeds["deviations"] = (
            np.stack([getattr(part, name) for part in prepared]) for name in ("means", "deviations")
        )
    session = onnxruntime.InferenceSession(str(report.file), providers=["CPUExecutionProvider"])
    (ours,) = session.run(None, feeds)
    for row, theirs in enumerate(task.forecast(series)):
        levels = np.stack([theirs.point, *theirs.quantiles.values()], -1)
        assert np.abs(ours[:, row] - levels).max() < 1e-6 * np.abs(levels).max()


def test_a_window_of_another_shape_is_refused(tmp_path):
    task, _, _ = pair(tmp_path, covariates=True)
    network = ForecastNetwork(task)
    values, *rest = network.example()
    with pytest.raises(
        ShapeError, match=r"values has the shape \[11, 3, 5\], and the model reads \[12, rows, 5\]"
    ):
        network(values[1:], *rest)
