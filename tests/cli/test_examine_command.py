"""`keepgate examine` prints the report of `lens.examine`, and fails where a test asks for more memory than there is."""

import json
from pathlib import Path

import pytest

from keepgate.data.questions import Question
from keepgate.demo.stories import stories, vocabulary_coverage_set
from keepgate.export import load, save
from keepgate.lens import examine
from keepgate.tasks import ChoiceReader
from keepgate.tasks.choice import ChoiceReaderSettings

ASKED = [*stories(4, 40, seed=1), *stories(4, 60, seed=2)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examined") / "model"
    settings = ChoiceReaderSettings(
        cell="lstm", pooling="last", bidirectional=False, embedding_size=4, hidden_size=5
    )
    save(
        ChoiceReader.build(vocabulary_coverage_set(), settings, seed=0),
        folder,
        card={"what": "a reader for tests"},
    )
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "dev.jsonl"
    lines = [{"text": one.text, "question": one.question, "answer": one.answers[0]} for one in ASKED]
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    return path


def test_the_report_is_that_of_the_lens(model: Path, data: Path, keepgate) -> None:
    ran = keepgate("examine", model, "--data", data)
    asked = [Question(text=one.text, question=one.question, answers=one.answers) for one in ASKED]
    report = examine(load(model), asked)
    assert ran.code == 0
    assert ran.err == ""
    longest = max(len(one.text) for one in ASKED)
    assert ran.out == f"8 questions, texts of up to {longest} tokens\n{report}\n"


def test_the_report_is_printed_in_chinese_too(model: Path, data: Path, keepgate) -> None:
    asked = [Question(text=one.text, question=one.question, answers=one.answers) for one in ASKED]
    report = examine(load(model), asked)
    ran = keepgate("examine", model, "--data", data, "--language", "zh-TW")
    assert ran.code == 0
    longest = max(len(one.text) for one in ASKED)
    assert ran.out == f"8 個問題，文字最長 {longest} 個 token\n{report.text('zh-TW')}\n"
    assert "encoder.layer：" in ran.out
    # JSON is for programs: its sentence stays what it was.
    told = json.loads(keepgate("examine", model, "--data", data, "--language", "zh-TW", "--json").out)
    assert told["verdict"]["sentence"] == str(report.verdict)


def test_a_language_that_is_not_spoken_is_refused(model: Path, data: Path, keepgate) -> None:
    ran = keepgate("examine", model, "--data", data, "--language", "zh")
    assert ran.code != 0
    assert "zh-TW" in ran.err
    assert "Traceback" not in ran.err


def test_the_figures_are_plain_json(model: Path, data: Path, keepgate) -> None:
    ran = keepgate("examine", model, "--data", data, "--json", "--needed", 9, "--questions", 4)
    found = json.loads(ran.out)
    assert (found["questions"], found["needed"], found["layer"]) == (4, 9, "encoder.layer")
    assert found["interval"][0] <= found["horizon"] <= found["interval"][1]
    assert found["behaviour"]["contexts"][-1] >= found["horizon"]
    assert len(found["gradient"]["values"]) == found["steps"]
    assert set(found["saturation"]) == {"i", "f", "o"}
    assert len(found["half_lives"]) == 5
    assert found["verdict"]["fault"] in ("untrained", "forgets")
    assert "4 of 8 questions" in ran.err


def test_a_horizon_that_is_too_short_fails_after_it_was_shown(model: Path, data: Path, keepgate) -> None:
    ran = keepgate("examine", model, "--data", data, "--at-least", 20)
    assert ran.code == 5
    assert "the horizon is 1 token " in ran.err
    assert "less than the 20 of --at-least" in ran.err
    assert "questions, texts of up to" in ran.out
    assert "Traceback" not in ran.err


def test_a_horizon_that_is_long_enough_passes_only_if_it_is_a_memory(
    model: Path, data: Path, keepgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = keepgate("examine", model, "--data", data, "--at-least", 1)
    assert ran.code == 5
    assert "reading more does not make the answers better" in ran.err
    from keepgate.lens.diagnosis.effective_context import Horizon

    monkeypatch.setattr(Horizon, "context_helps", True)
    assert keepgate("examine", model, "--data", data, "--at-least", 1).code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--at-least", 0), 2, "--at-least is 0; it must be 1 or more"),
        (("--needed", -3), 2, "--needed is -3"),
        (("--questions", 0), 2, "--questions is 0"),
        (("--at-least", 1000), 2, "the longest text has"),
        (("--layer", "encoder.lstm"), 2, "'encoder.layer'"),
        (("--data", "nowhere.jsonl"), 3, "nowhere.jsonl"),
    ],
)
def test_wrong_use_is_said(model: Path, data: Path, keepgate, arguments, code: int, says: str) -> None:
    ran = keepgate("examine", model, "--data", data, *arguments)
    assert (ran.code, says in ran.err) == (code, True), ran.err
    assert "bug" not in ran.err


def test_what_has_no_memory_and_what_is_not_given(window: Path, model: Path, data: Path, keepgate) -> None:
    ran = keepgate("examine", window, "--data", data)
    assert (ran.code, "no memory" in ran.err or "no answer" in ran.err or "none of" in ran.err) == (2, True)
    assert keepgate("examine", model).code == 2
    strange = data.with_name("strange.jsonl")
    strange.write_text('{"text": "下雨了。", "question": "誰?", "answer": "下雨"}', encoding="utf-8")
    ran = keepgate("examine", model, "--data", strange)
    assert (ran.code, "none of the 1 questions" in ran.err) == (2, True)
