"""The classifier of series: it learns, units and padding have no say, files rebuild it, broken data is named."""

import contextlib
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from keepgate import onnx, runtime
from keepgate.data.corpora.labelled_series import read_labelled_series, series_in
from keepgate.data.labelled_series import LabelledSeries
from keepgate.errors import CorpusError, SettingsError
from keepgate.export import load, save
from keepgate.lens import examine, explain
from keepgate.tasks import KINDS, SeriesClassifier
from keepgate.tasks.series_classifier import SeriesClassifierSettings
from keepgate.tasks.task import Task
from keepgate.train import TrainingConfig, fit

RNG = np.random.default_rng(1)


def series(count: int = 40, seed: int = 0) -> list[LabelledSeries]:
    """Two features; the sign of the first at the third step is the label."""
    rng, items = np.random.default_rng(seed), []
    for k in range(count):
        values = rng.normal(size=(5 + k % 4, 2)).astype(np.float32)
        values[2, 0] = 3 if k % 2 else -3
        items.append(
            LabelledSeries(
                values=values * [10, 0.1] + [100, 5],
                features=("heat", "load"),
                label="up" if k % 2 else "down",
                id=str(k),
            )
        )
    return [replace(item, values=item.values.astype(np.float32)) for item in items]


def small(**changes: object) -> SeriesClassifierSettings:
    return SeriesClassifierSettings(**{"hidden_size": 12, "dropout": 0.0, **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def trained() -> SeriesClassifier:
    task = SeriesClassifier.build(series(), small(), seed=0)
    config = TrainingConfig(steps=120, batch_size=10, learning_rate=1e-2)
    fit(task, config, examples=task.prepare(series(), training=True), progress=False)
    return task


def test_it_learns_and_is_the_same_without_torch(trained: SeriesClassifier, tmp_path: Path) -> None:
    new = series(20, seed=9)
    assert trained.measure(new).values()["accuracy"] > 0.9
    assert isinstance(trained, Task)
    save(trained, tmp_path / "model", card={})
    expected = trained.probabilities(new).numpy()
    np.testing.assert_allclose(
        load(tmp_path / "model").probabilities(new).numpy(), expected, rtol=0, atol=1e-6
    )
    np.testing.assert_allclose(
        runtime.load(tmp_path / "model").probabilities(new), expected, rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("pooling", ["last", "mean+max", "attention"])
def test_padding_has_no_say(pooling: str) -> None:
    task = SeriesClassifier.build(series(), small(pooling=pooling), seed=0).double().eval()
    rows = task.prepare(series()[:4], training=False)
    together = task(task.collate(rows))
    for row, alone in enumerate(rows):
        torch.testing.assert_close(together[row], task(task.collate([alone]))[0])


def test_the_units_have_no_say() -> None:
    other = [
        replace(item, values=item.values * np.float32([1000, 1]) + np.float32([0, 7])) for item in series()
    ]
    probabilities = [
        SeriesClassifier.build(items, small(), seed=0).probabilities(items) for items in (series(), other)
    ]
    torch.testing.assert_close(*probabilities, rtol=0, atol=1e-4)


def test_a_constant_feature_is_no_fault() -> None:
    still = [
        replace(item, values=np.stack([item.values[:, 0], np.full(len(item.values), 0.1)], 1))
        for item in series()
    ]
    assert SeriesClassifier.build(still, small(), seed=0).probabilities(still).isfinite().all()


def test_the_lens_names_the_step(trained: SeriesClassifier) -> None:
    item = series(20, seed=9)[7]
    table = "heat,load\n" + "".join(f"{a},{b}\n" for a, b in item.values.tolist())
    explanation = explain(trained, table)
    assert explanation.answer.text == "up"
    assert explanation.token_effects[0].step == 2
    assert examine(trained, series(20, seed=9)).steps == 8


def test_files_in_three_formats_are_the_same_series(tmp_path: Path) -> None:
    items = series(6)
    rows = [(item.id, item.label, *row) for item in items for row in item.values.tolist()]
    (tmp_path / "a.csv").write_text(
        "series,label,heat,load\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)
    )
    names = ("id", "class", "heat", "load")
    (tmp_path / "b.jsonl").write_text(
        "".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows)
    )
    x = np.zeros((6, 9, 2), np.float32)
    for k, item in enumerate(items):
        x[k, : len(item.values)] = item.values
    lengths = [len(item.values) for item in items]
    np.savez(tmp_path / "c.npz", x=x, y=[item.label for item in items], lengths=lengths)
    for name, form in (("a.csv", "csv"), ("b.jsonl", "json lines"), ("c.npz", "npz")):
        corpus = read_labelled_series(tmp_path / name)
        assert corpus.format == form
        assert "6 series of 5 to 8 steps" in corpus.account()
        for read, item in zip(corpus.items, items, strict=True):
            np.testing.assert_array_equal(read.values, item.values)
            assert (read.label, read.id) == (item.label, item.id)


def test_rows_of_a_series_need_not_stand_together() -> None:
    items, _ = series_in(b"series,x\na,1\nb,10\na,2\n", "t")
    assert [(item.id, item.values[:, 0].tolist()) for item in items] == [("a", [1, 2]), ("b", [10])]


def test_a_column_of_steps_orders_the_rows_and_is_no_feature() -> None:
    rows = ["a,2,up,30", "b,1,down,50", "a,10,up,40", "a,1,up,20", "b,0,down,60"]
    table = "series,step,label,heat\n" + "\n".join(rows)
    first, second = series_in(table.encode(), "x.csv", labelled=True)[0]
    assert first.features == second.features == ("heat",)
    assert (first.values.T.tolist(), second.values.T.tolist()) == ([[20, 30, 40]], [[60, 50]])
    asked = series_in(table.encode(), "x.csv", features=["step"])[0][0]
    assert asked.values.T.tolist() == [[2, 10, 1]]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("series,label,x\na,up,1\na,up,\n", r"line 3: 'x' is '', which is no finite number"),
        ("series,label,x\na,up,nan\n", r"line 2: 'x' is 'nan'"),
        ("series,label,x\na,up,1e39\n", r"line 2: 'x' is '1e39'"),
        ("series,label,x,where\na,up,1,hall\n", r"'where' is 'hall'.*leave the column out"),
        ("series,label,x\na,up,1\na,down,2\n", r"line 3: the series has two labels, 'up' and 'down'"),
        ("series,x\na,1\n", r"known to hold the label"),
        ("series,label\na,up\n", r"no column of numbers"),
        ("series,label,x\na,,1\n", r"no series with a label"),
        ("series,label,x\n", r"no row in it"),
        ("series,step,label,x\na,1,up,1\na,1,up,2\n", r"line 3: its series has step 1 already in line 2"),
        ("series,step,label,x\na,one,up,1\n", r"'step' is 'one', which is no finite number"),
        ("", r"empty"),
    ],
)
def test_broken_tables_are_named(content: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(content)
    with pytest.raises(CorpusError, match=says):
        read_labelled_series(path)


def test_row_numbers_are_no_feature_and_times_are_refused() -> None:
    (item,), _ = series_in(b",series,label,x\n7,a,up,1\n9,a,up,2\n", "t", labelled=True)
    assert (item.features, item.values[:, 0].tolist()) == (("x",), [1, 2])
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    columns = {
        "series": [1, 1],
        "label": ["up", "up"],
        "x": [0.5, 1],
        "when": np.array([0, 1], "datetime64[s]"),
    }
    file = io.BytesIO()
    parquet.write_table(arrow.table(columns), file)
    with pytest.raises(CorpusError, match="'when' holds times, and a feature is a number"):
        series_in(file.getvalue(), "t.parquet", labelled=True)


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"x": np.zeros((2, 3))}, "array y is missing"),
        ({"y": np.zeros(2)}, "array x is none"),
        ({"x": np.zeros((2, 3)), "y": np.zeros(3)}, r"y is of shape \[3\]"),
        ({"x": np.zeros((2, 0)), "y": np.zeros(2)}, r"x is float64 of shape \[2, 0\]"),
        ({"x": np.full((2, 3), np.nan), "y": np.zeros(2)}, r"x\[0, 0, 0\] is no finite number"),
        ({"x": np.zeros((2, 3)), "y": np.zeros(2), "lengths": [1, 4]}, "from 1 to 3"),
        ({"x": np.array([[object()]]), "y": np.zeros(1)}, "cannot be read"),
        ({"x": np.full((2, 3), 1e39), "y": np.zeros(2)}, r"x\[0, 0, 0\] is no finite number"),
        ({"x": np.zeros((2, 3, 2)), "y": np.zeros(2), "features": 3}, "a name of its own"),
        ({"x": np.zeros((2, 3, 2)), "y": np.zeros(2), "features": ["a", "a"]}, "features: a, a"),
    ],
)
def test_broken_arrays_are_named(arrays: dict[str, np.ndarray], says: str) -> None:
    file = io.BytesIO()
    np.savez(file, **arrays)
    with pytest.raises(CorpusError, match=says):
        series_in(file.getvalue(), "t.npz", labelled=True)
    with pytest.raises(CorpusError, match="cannot be read"):
        series_in(file.getvalue()[:60], "t.npz", labelled=True)


def test_features_are_read_by_their_names(trained: SeriesClassifier, tmp_path: Path) -> None:
    item = series()[1]
    swapped = replace(item, values=item.values[:, ::-1], features=("load", "heat"))
    with pytest.raises(CorpusError, match=r"load, heat; the model reads \[steps, 2\]: heat, load"):
        trained.predict([swapped])
    rows = "".join(f"a,up,{load},7,{heat}\n" for load, heat in swapped.values.tolist())
    (tmp_path / "a.csv").write_text("series,label,load,time,heat\n" + rows)
    np.savez(tmp_path / "a.npz", x=swapped.values[None], y=["up"], features=["load", "heat"])
    for name in ("a.csv", "a.npz"):
        (read,) = KINDS["series-classifier"].read_for(trained, tmp_path / name).items
        np.testing.assert_array_equal(read.values, item.values)
        (unlabelled,) = trained.series_in((tmp_path / name).read_bytes(), name)
        np.testing.assert_array_equal(unlabelled.values, item.values)


def test_a_series_column_that_is_not_known_is_asked_for(trained: SeriesClassifier) -> None:
    with pytest.raises(CorpusError, match="'pump' is none of the features"):
        trained.series_in(b"pump,heat,load\na,1,2\nb,1,2\n", "t.csv")


def test_a_label_that_is_no_number_is_missing() -> None:
    file = io.BytesIO()
    np.savez(file, x=np.zeros((2, 3)), y=[1.0, np.nan])
    assert [item.label for item in series_in(file.getvalue(), "t.npz")[0]] == ["1", None]


def test_flipped_bytes_of_packed_arrays_are_named() -> None:
    file, rng = io.BytesIO(), np.random.default_rng(0)
    np.savez_compressed(file, x=rng.normal(size=(4, 5, 2)), y=np.arange(4) % 2)
    for _ in range(200):
        broken = np.frombuffer(file.getvalue(), np.uint8).copy()
        broken[rng.integers(4, len(broken), 2)] = rng.integers(0, 256, 2)
        with contextlib.suppress(CorpusError):
            series_in(broken.tobytes(), "t.npz")


def test_one_class_and_other_features_are_refused(trained: SeriesClassifier) -> None:
    alike = [replace(item, label="up") for item in series()]
    with pytest.raises(CorpusError, match="two or more different labels"):
        SeriesClassifier.build(alike, small(), seed=0)
    with pytest.raises(CorpusError, match=r"\[steps, 2\]: heat, load"):
        trained.predict([LabelledSeries(values=np.zeros((3, 1), np.float32), features=("heat",))])
    with pytest.raises(CorpusError, match="'load', which the model reads"):
        trained.item("heat,lod\n1,2\n")
    with pytest.raises(SettingsError, match="has 2 series"):
        trained.item("series,heat,load\na,1,2\nb,1,2\n")
    with pytest.raises(SettingsError, match="takes no question"):
        trained.item("heat,load\n1,2\n", "why?")


def test_an_unknown_label_counts_as_missed(trained: SeriesClassifier) -> None:
    odd = [replace(series()[0], label="sideways")]
    (example,) = trained.prepare(odd, training=False)
    assert trained.unlearnable(example) == "its label is none of the model's"
    assert trained.prepare(odd, training=True) == []
    assert trained.measure(odd).values()["accuracy"] == 0


@pytest.mark.parametrize(
    "change",
    [{"labels": ["a"]}, {"mean": [1.0]}, {"deviation": [0.0, 1.0]}, {"features": []}, {"mean": ["a", 1]}],
)
def test_broken_vocabularies_are_refused(change: dict[str, object], trained: SeriesClassifier) -> None:
    with pytest.raises(CorpusError):
        SeriesClassifier.from_files(small(), trained.vocabulary_json() | change)


@pytest.mark.usefixtures("as_users_run")
@pytest.mark.parametrize(
    "features", [pytest.param(1, marks=pytest.mark.slow), 2, pytest.param(3, marks=pytest.mark.slow)]
)
def test_its_onnx_export_takes_values_in_their_own_units(features: int, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    names = ("heat", "load", "noise")[:features]
    items = [
        replace(item, values=np.resize(item.values.T, (features, len(item.values))).T + 1e4, features=names)
        for item in series(8)
    ]
    task = SeriesClassifier.build(
        items, small(pooling=["last", "mean+max", "attention"][features - 1]), seed=0
    )
    onnx.export(task, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    for item in items:
        feeds = {"values": item.values[:, None], "lengths": np.array([len(item.values)])}
        scores = torch.from_numpy(session.run(None, feeds)[0])
        torch.testing.assert_close(scores.softmax(1), task.probabilities([item]), rtol=0, atol=1e-6)
