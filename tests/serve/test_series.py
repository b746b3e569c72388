"""The page for series through its routes: what is answered is the lens's own, and what cannot be read is said."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keepgate.data.corpora.labelled_series import read_labelled_series
from keepgate.data.corpora.series import read_series_like
from keepgate.errors import CorpusError, SettingsError
from keepgate.export import save
from keepgate.lens import explain, read
from keepgate.lens.memory import write_retention
from keepgate.lens.readers import counterfactual_answer
from keepgate.serve.limits import Limits
from keepgate.serve.models import Models, served
from keepgate.serve.serialize import rounded

from .conftest import PATIENT, Client, serving
from .series_models import AHEAD, HOURS, LOOK_BACK, SEGMENT, forecaster, gestures, power, series_classifier


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("series")
    save(forecaster(root), root / "power", card={"what": "a forecaster"})
    save(series_classifier(root), root / "gestures", card={"what": "a series classifier"})
    save(forecaster(root, cell="rnn"), root / "plain", card={"what": "a forecaster without gates"})
    return root


@pytest.fixture(scope="module")
def own(folder: Path) -> Models:
    names = ("power", "gestures", "plain")
    return served([folder / name for name in names], [folder / "power.csv", folder / "gestures.csv"])


@pytest.fixture(scope="module")
def asked(own: Models) -> Iterator[Client]:
    with serving(own) as client:
        yield client


@pytest.fixture(scope="module")
def window(own: Models, folder: Path) -> Any:
    """The second series up to step 100, of which the fifth step ahead is asked for, as the lens takes it."""
    task = own.series["power"].task
    _, south = read_series_like(folder / "power.csv", task.statistics.columns).items
    return replace(south.up_to(100, known=len(south.known)), focus=(0, 5))


ASKED = {"model": "power", "series": 1, "end": 100, "ahead": 5}


def test_models_that_read_series_stand_apart(asked: Client) -> None:
    first, second, third = asked.get("/api/series/models").json["models"]
    assert (first["id"], first["kind"], first["targets"], first["look_back"], first["ahead"]) == (
        "power", "forecaster", ["load"], LOOK_BACK, AHEAD,
    )  # fmt: skip
    assert first["columns"] == ["series", "time", "load", "temperature", "weekend"]
    assert (second["id"], second["choices"], second["columns"]) == (
        "gestures",
        ["circle", "shake"],
        ["x", "y"],
    )
    assert first["data"]
    assert second["data"]
    assert third["gates"] == []
    assert all(model["shipped"] for model in asked.get("/api/models").json["models"])


def test_the_page_opens_on_series_where_they_alone_are_one_s_own(
    asked: Client, client: Client, own: Models
) -> None:
    reply = asked.get("/")
    assert (reply.status, reply.headers["location"]) == (307, "series/")
    assert b"main.js" in asked.get("/series/").body
    assert asked.get("/index.html").status == 200
    assert client.get("/").status == 200
    assert client.get("/api/series/models").json == {"models": []}
    with serving(Models([replace(next(iter(own)), shipped=False)], own.series.values())) as both:
        assert both.get("/").status == 200


def test_a_window_is_read_as_the_lens_reads_it(asked: Client, own: Models, window: Any) -> None:
    reply = asked.post("/api/series/read", **ASKED).json
    task = own.series["power"].task
    reading, (forecast,) = read(task, window), task.forecast([window])
    assert reply["answer"]["text"] == reading.answer.text
    assert reply["tokens"] == list(reading.tokens.texts)
    assert reply["cells"] == list(range(0, LOOK_BACK, SEGMENT))
    assert (len(reply["times"]), reply["times"][-1], reply["end"]) == (LOOK_BACK, window.time(99), 100)
    assert [row["name"] for row in reply["rows"]] == ["load", "temperature", "weekend"]
    load = reply["rows"][0]["values"]
    assert load[90 - 52] is None  # a gap
    assert load[-1] == pytest.approx(window.targets[-1, 0])
    assert len(reply["rows"][2]["values"]) == LOOK_BACK + AHEAD  # known ahead
    assert reply["forecast"]["point"] == pytest.approx(forecast.point[:, 0].tolist(), rel=1e-5)
    assert reply["forecast"]["low"] == pytest.approx(forecast.quantiles[0.1][:, 0].tolist(), rel=1e-5)
    assert reply["forecast"]["high"] == pytest.approx(forecast.quantiles[0.9][:, 0].tolist(), rel=1e-5)
    assert reply["forecast"]["times"] == list(forecast.times)
    assert reply["forecast"]["share"] == 0.8
    assert [each["id"] for each in reply["list"]] == ["north", "south"]
    gates = reading.trace.layer(-1)
    assert reply["strips"][-1]["gates"]["z"] == [rounded(v) for v in gates["z"][:, 0].mean(1).tolist()]
    # All steps are the series' own: there is no question.
    assert reply["question_start"] == reading.question_start == LOOK_BACK // SEGMENT


def test_what_came_is_told_where_the_series_goes_on(asked: Client, own: Models) -> None:
    _, south = own.series["power"].data
    came = asked.post("/api/series/read", **ASKED).json["forecast"]["came"]
    assert came == pytest.approx(np.asarray(south.targets)[100 : 100 + AHEAD, 0].tolist())
    last = asked.post("/api/series/read", model="power", end=HOURS - 4).json["forecast"]["came"]
    assert None not in last[:4]
    assert last[4:] == [None] * (AHEAD - 4)
    whole = asked.post("/api/series/read", model="power").json
    assert (whole["end"], whole["forecast"]["came"]) == (HOURS, [None] * AHEAD)


def test_what_a_number_rests_on_is_what_look_says(asked: Client, own: Models, window: Any) -> None:
    reply = asked.post("/api/series/answer", **ASKED).json
    explanation = explain(own.series["power"].task, window)
    assert reply["number"] == rounded(explanation.number)
    assert len(reply["changes"]) == LOOK_BACK
    for effect in explanation.token_effects:
        assert reply["changes"][effect.step] == rounded(effect.change)
    shares = explanation.shares
    assert reply["shares"]["features"] == ["load", "temperature", "weekend"]
    assert reply["shares"]["values"] == [[rounded(v) for v in row] for row in shares.values.T.tolist()]
    assert reply["shares"]["kind"] == shares.kind
    total = np.sum([value for row in reply["shares"]["values"] for value in row])
    assert total == pytest.approx(reply["number"] - reply["shares"]["baseline"], rel=0.02)
    assert reply["look_back"] == {
        "steps": explanation.look_back.steps, "of": explanation.look_back.contexts[-1],
    }  # fmt: skip


def test_writes_values_and_changes_are_the_lens_s(asked: Client, own: Models, window: Any) -> None:
    reading = read(own.series["power"].task, window)
    retention = write_retention(reading.trace.layer(-1), 3)
    reply = asked.post("/api/series/token", **ASKED, token=3).json
    assert reply["left"] == [rounded(value) for value in retention.retained.tolist()]
    values = asked.post("/api/series/values", **ASKED, unit=2).json
    assert values["values"]["h"] == [rounded(v) for v in reading.trace.layer(-1)["h"][:, 0, 2].tolist()]
    changed = asked.post("/api/series/what-if", **ASKED, drop=[7]).json
    assert changed["answer"]["text"] == counterfactual_answer(reading, no_write=[7]).text
    # The number itself is compared, not its interval.
    assert changed["before"]["text"] == f"{explain(own.series['power'].task, window).number:.4g}"
    removed = asked.post("/api/series/what-if", **ASKED, remove=[7]).json
    assert removed["answer"]["text"] == counterfactual_answer(reading, removed={7}).text
    refused = asked.post("/api/series/what-if", **{**ASKED, "model": "plain"}, drop=[7])
    assert (refused.status, refused.json["code"]) == (422, "no_memory")


def test_a_label_and_what_it_rests_on(asked: Client, own: Models, folder: Path) -> None:
    task = own.series["gestures"].task
    item = read_labelled_series(folder / "gestures.csv").items[2]
    reply = asked.post("/api/series/read", model="gestures", series=2).json
    (answer,) = task.predict([item])
    assert (reply["answer"]["text"], reply["answer"]["probability"]) == (
        answer.text,
        rounded(answer.probability),
    )
    assert (reply["expected"], reply["forecast"]) == ("circle", None)
    assert reply["rows"][1]["values"] == pytest.approx(item.values[:, 1].tolist(), rel=1e-5)
    assert [each["label"] for each in reply["list"]] == ["circle", "shake"] * 3
    rests = asked.post("/api/series/answer", model="gestures", series=2).json
    effects = explain(task, item).token_effects
    assert len(rests["drops"]) == len(effects) == 22
    for effect in effects:
        assert rests["drops"][effect.step] == rounded(effect.probability_drop)
    first = rests["steps"][0]
    assert (first["from"], first["without"]["text"]) == (effects[0].step, effects[0].without.text)
    # Each piece is what is left of the series without it.
    piece = rests["pieces"][1]
    kept = np.delete(item.values, np.s_[piece["from"] : piece["to"]], 0)
    (without,) = task.predict([replace(item, values=kept)])
    assert (piece["without"]["text"], piece["without"]["probability"]) == (
        without.text,
        rounded(without.probability),
    )
    assert (rests["pieces"][0]["from"], rests["pieces"][-1]["to"]) == (0, 22)


def test_a_table_of_one_s_own(asked: Client) -> None:
    served_file = asked.post("/api/series/read", model="power", series=1).json
    own_table = asked.post("/api/series/read", model="power", table=power(), series=1).json
    assert own_table["forecast"] == served_file["forecast"]
    label = asked.post("/api/series/read", model="gestures", table=gestures(), series=5).json
    assert label["list"][5] == {"id": "g5", "steps": 25, "label": "shake"}
    nameless = asked.post("/api/series/read", model="gestures", table="y,x\n1,2\n3,4\n").json
    assert nameless["list"] == [{"id": "", "steps": 2, "label": None}]
    assert nameless["rows"][0] == {"name": "x", "values": [2.0, 4.0]}


NO_X = "series,step,y\na,1,2\n"
BAD = {
    "a column is missing": ({"model": "gestures", "table": NO_X}, "no column 'x'"),
    "a value is missing": ({"model": "gestures", "table": "x,y\n1,nan\n"}, "no finite number"),
    "infinite": ({"model": "gestures", "table": "x,y\n1,1e999\n"}, "no finite number"),
    "no table": ({"model": "gestures", "table": "魯夫"}, "there is no row in it"),
    "other columns": ({"model": "power", "table": "a,b\n1,2\n"}, "has no column"),
    "text where numbers belong": (
        {"model": "power", "table": power().replace("100.", "much", 1)}, "load",
    ),
    "too short": ({"model": "power", "table": "\n".join(power().splitlines()[:20])}, "and the model reads 48"),
    "no such series": ({"model": "power", "series": 2}, "the table has 2"),
    "a window too early": ({"model": "power", "end": LOOK_BACK - 1}, "a window ends at 48 to 120"),
    "a window too late": ({"model": "power", "end": HOURS + 1}, "a window ends at 48 to 120"),
    "no such target": ({"model": "power", "target": 1}, "target is 1"),
    "too far ahead": ({"model": "power", "ahead": AHEAD + 1}, "forecasts 1 to 12"),
    "not ahead": ({"model": "power", "ahead": 0}, "ahead"),
    "an unknown field": ({"model": "power", "text": "x"}, "text"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_read_is_said(case: str, asked: Client) -> None:
    body, message = BAD[case]
    reply = asked.post("/api/series/read", **body)
    assert (reply.status, reply.json["code"]) == (422, "bad_request"), reply.json
    assert message in reply.json["error"]


def test_faults_that_the_page_translates(asked: Client, own: Models, folder: Path) -> None:
    reply = asked.post("/api/series/read", model="gestures", table=" \n")
    assert (reply.status, reply.json["code"]) == (422, "no_table")
    assert asked.post("/api/series/read", model="zh/rnn").json["code"] == "unknown_model"
    with serving(own, replace(PATIENT, tokens=21, body=10_000)) as strict:
        reply = strict.post("/api/series/read", model="gestures", series=2)
        assert (reply.json["code"], reply.json["facts"]) == ("too_long", {"tokens": 22, "limit": 21})
        assert reply.json["error"].endswith("; give a shorter series")
        assert strict.post("/api/series/read", model="gestures", series=0).status == 200
        far = strict.post("/api/series/read", model="power").json
        assert (far["code"], far["error"].partition("; ")[2]) == (
            "too_long",
            "serve a model that looks back less far",
        )
        assert strict.post("/api/series/read", model="power", table=power() * 3).json["code"] == "too_large"
    with serving(served([folder / "power"]), Limits()) as bare:
        assert bare.post("/api/series/read", model="power").json["code"] == "no_table"


def test_files_go_to_the_models_that_read_them(folder: Path, tmp_path: Path) -> None:
    models = served([folder / "power", folder / "gestures"], [folder / "gestures.csv"])
    assert [len(model.data) for model in models.series.values()] == [0, 6]
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"other\.csv"):
        served([folder / "power", folder / "gestures"], [other])
    with pytest.raises(SettingsError, match="--data is given, and no model here reads series"):
        served([], [other])


def test_two_models_of_one_name(folder: Path) -> None:
    models = served([folder / "power", folder / "power"])
    assert [model.id for model in models.series.values()] == ["power", "power-2"]
