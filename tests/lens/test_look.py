"""A look's numbers are those of the lens, in every form in which it is saved."""

import json
import math
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy
import pyarrow as arrow
import pytest
import torch

from keepgate import CellError, CorpusError, SettingsError
from keepgate.export.file import write_file
from keepgate.lens import explain, read
from keepgate.lens.memory import half_lives, write_retention
from keepgate.lens.readers import saliency, token_effects
from tests.lens.looks import ASKED, KINDS, TEXT, every_kind, looked
from tests.lens.readers import reader


@every_kind
def test_it_holds_what_the_measures_say(kind):
    task = reader(**kind)
    found = explain(task, TEXT, ASKED)
    reading = read(task, found.question)
    assert task.training
    assert found.answer == reading.answer
    torch.testing.assert_close(found.saliency, saliency(reading))
    assert len(found.direction_summaries) == (1 if kind["pooling"] == "last" else 2)
    asked = 10 if kind["pooling"] == "last" else 0
    assert found.question_start == len(found.tokens) - asked
    if kind["cell"] == "rnn":
        assert (found.token_effects, found.gated) == (token_effects(reading), False)
        assert found.direction_summaries[0].gates == {}
        return
    assert found.token_effects == token_effects(reading)
    top = found.token_effects[0]
    for one in found.direction_summaries:
        part = reading.trace.layer(-1, reverse=one.reverse)
        assert next(iter(one.gates)) == one.keeps == part.cell.retain_gate
        for name, values in one.gates.items():
            torch.testing.assert_close(values, part[name][:, 0].mean(1))
        torch.testing.assert_close(one.half_lives, half_lives(part)[0])
        torch.testing.assert_close(one.retention.retained, write_retention(part, top.step).retained)
    if kind["pooling"] == "attention":
        assert float(found.attention.sum()) == pytest.approx(1)
    else:
        assert found.attention is None
    assert {(one.start, one.end) for one in found.sentence_effects} == set(found.sentence_spans)


@every_kind
def test_json_arrow_and_numpy_hold_the_same_numbers(kind, tmp_path):
    found = looked(**kind)
    for ending in (".json", ".arrow", ".npz"):
        assert found.save(tmp_path / f"look{ending}") == tmp_path / f"look{ending}"
    plain = json.loads((tmp_path / "look.json").read_text(encoding="utf-8"))
    assert plain == json.loads(found.json())
    assert plain["answer"] == found.answer.text
    arrays = numpy.load(tmp_path / "look.npz")
    with arrow.ipc.open_file(tmp_path / "look.arrow") as file:
        table = file.read_all()
    told = json.loads(table.schema.metadata[b"keepgate"])
    assert (told["question"], told["answer"]) == (ASKED, found.answer.text)
    assert table["token"].to_pylist() == plain["tokens"] == arrays["token"].tolist()
    assert set(table.column_names) == set(arrays) - {"half_lives", "half_lives_reverse"}
    for name in set(table.column_names) - {"token", "probability_drop"}:
        assert table[name].to_pylist() == arrays[name].tolist()
    assert arrays["saliency"].tolist() == plain["saliency"]
    assert int(arrays["asked"].sum()) == len(plain["tokens"]) - plain["question_start"]
    for one in plain["directions"]:
        end = "_reverse" if one["direction"] == "reverse" else ""
        for gate, values in one["gates"].items():
            assert arrays[f"{gate}{end}"].tolist() == values
        if one["retention"]:
            assert arrays[f"retained{end}"].tolist() == one["retention"]["retained"]
    by_step = {one["step"]: one["probability_drop"] for one in plain["token_effects"]}
    for step, drop in enumerate(arrays["probability_drop"].tolist()):
        assert drop == by_step[step] if step in by_step else math.isnan(drop)


def test_what_is_no_number_is_null_in_json():
    found = looked(**KINDS[0])
    first = replace(
        found.direction_summaries[0], half_lives=torch.tensor([math.inf, 2.0, math.nan, 1.0, 1.0]).double()
    )
    assert json.loads(replace(found, direction_summaries=(first,)).json())["directions"][0]["half_lives"][
        :3
    ] == [
        None,
        2.0,
        None,
    ]


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    found = looked(**KINDS[0])
    path = found.save(tmp_path / "look.json")
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    for write in (found.save, found.figure("gates").save):
        with pytest.raises(OSError, match="No space"):
            write(tmp_path / ("look.json" if write == found.save else "gates.svg"))
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["look.json"]


def test_a_device_is_written_to_and_not_replaced():
    device = Path("/dev/null")
    assert write_file(device, b"gone") == device
    assert not device.is_file()


def test_without_pyarrow_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(SettingsError, match=r"pip install 'keepgate\[arrow\]'"):
        looked(**KINDS[0]).save(tmp_path / "look.arrow")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "question", "says"),
    [("", ASKED, "text is empty"), (" \n", ASKED, "text is empty"), (TEXT, " ", "question is empty")],
)
def test_nothing_to_read_is_refused(text, question, says):
    with pytest.raises(CorpusError, match=says):
        explain(reader(**KINDS[0]), text, question)


def test_wrong_names_are_refused_with_the_known_ones(tmp_path, as_users_run):
    found = looked(**KINDS[0])
    with pytest.raises(SettingsError, match="choose one of half_life"):
        found.figure("half_lives")
    with pytest.raises(SettingsError, match="en, zh-TW"):
        found.figure("gates", language="fr")
    with pytest.raises(SettingsError, match=r"\.html, \.json, \.npz, \.arrow"):
        found.save(tmp_path / "look.pdf")
    with pytest.raises(SettingsError, match=r"\.svg, \.png or \.pdf"):
        found.figure("gates").save(tmp_path / "gates.jpg")
    with pytest.raises(SettingsError, match="zh-TW"):
        explain(reader(**KINDS[0]), TEXT, ASKED, language="zh")
    rnn = looked(**KINDS[2])
    for name in ("retention", "half_life"):
        with pytest.raises(SettingsError, match=r"without a gate.*'saliency'"):
            rnn.figure(name)


def test_a_network_without_memory_is_refused():
    with pytest.raises(CellError, match="no memory"):
        looked(cell="feedforward", pooling="last", bidirectional=False, window=4)


def test_one_token_is_enough():
    for kind in KINDS:
        found = explain(reader(**kind), "魯", "誰")
        assert found.html()
        assert found.figure("token_effects").svg


def test_as_text_it_says_the_answer_and_what_it_hangs_on():
    found = looked(**KINDS[0])
    first, rest = str(found).split("\n")
    assert first.startswith(f"{ASKED} {found.answer.text} (")
    assert rest.endswith(".")
    assert re.search(r"\d%", rest)
    assert found.answer.text in repr(found)
    assert str(replace(found, language="zh-TW")).endswith("。")
