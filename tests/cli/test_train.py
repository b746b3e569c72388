"""A training tells what it does and why, leaves nothing out in silence, and can be stopped and gone on with."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from keepgate import SettingsError
from keepgate.cli.settings import run_from, split, value
from keepgate.cli.train_commands import detect_task, train_commands
from keepgate.data.corpora import Corpus
from keepgate.data.questions import Question
from keepgate.export import load
from keepgate.tasks import KINDS
from keepgate.tasks.choice import ChoiceReaderSettings
from keepgate.tasks.forecaster import ForecasterSettings
from keepgate.train import TrainingConfig
from keepgate.train.recipes import recipe

READERS = [KINDS["choice-reader"], KINDS["span-reader"]]
NAMES = ("魯夫", "索隆", "娜美")
GOALS = ("海賊王", "大劍豪", "航海士", "廚師", "醫生", "船長")
QUICK = ("--steps", 3, "--batch-size", 4, "--set", "hidden_size=4", "--set", "embedding_size=4")


def write(path: Path, count: int, *, answer: Callable[[int], str] | None = None) -> Path:
    lines = []
    for k in range(count):
        name, goal = NAMES[k % len(NAMES)], GOALS[k % len(GOALS)]
        text = f"{name}說他想成為{goal}。今天是第{k}天，天氣很好。"
        given = name if answer is None else answer(k)
        lines.append({"text": text, "question": f"是誰想要成為{goal}?", "answer": given})
    path.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines), encoding="utf-8")
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write(tmp_path / "train.jsonl", 30)


def corpus(answers: list[str], *, inside: bool) -> Corpus:
    questions = [
        Question(text=f"{name}。", question="誰?", answers=(name,), starts=(0 if inside else None,))
        for name in answers
    ]
    return Corpus(questions, "tsv")


@pytest.mark.parametrize(
    ("answers", "inside", "kind"),
    [
        (["甲", "乙"] * 10, True, "choice-reader"),
        (["甲", "乙"] * 10, False, "choice-reader"),
        ([str(k) for k in range(20)], True, "span-reader"),
        (["甲", "乙", "丙"] * 2, True, "span-reader"),
    ],
)
def test_a_closed_set_is_chosen_from_and_the_rest_is_pointed_at(
    answers: list[str], inside: bool, kind: str
) -> None:
    chosen, reason = detect_task(READERS, corpus(answers, inside=inside))
    assert chosen.name == kind
    assert str(len(set(answers))) in reason
    assert "--kind" in reason
    chosen, reason = detect_task(READERS, corpus(answers, inside=inside), "span")
    assert (chosen.name, reason) == ("span-reader", "Training a span reader, as --kind says.")


def test_many_answers_that_stand_nowhere_are_refused() -> None:
    with pytest.raises(SettingsError, match="20 different answers to 20 questions"):
        detect_task(READERS, corpus([str(k) for k in range(20)], inside=False))


def test_every_task_is_trained_by_a_command_that_its_own_folder_describes() -> None:
    commands = train_commands()
    assert sorted(kind for command in commands for kind in command.kinds) == sorted(KINDS)
    for command in commands:
        assert set(command.columns) == set(KINDS[command.kinds[0]].columns)
        assert len(command.kinds) == 1 or all(KINDS[kind].does for kind in command.kinds)


def test_a_model_is_trained_measured_and_answers(data: Path, tmp_path: Path, text: Path, keepgate) -> None:
    out = tmp_path / "models" / "mine"
    ran = keepgate("train", "reader", data, "--dev", data, "--out", out, *QUICK)
    assert ran.code == 0
    assert "30 questions (json lines)" in ran.out
    assert "Only 3 different answers to 30 questions: training a choice reader" in ran.out
    assert "3 steps of 4 questions" in ran.out
    assert "On --dev: exact match" in ran.out
    assert f"Written to {out}" in ran.out.replace("\n", "")
    assert load(out).settings.hidden_size == 4
    card = (out / "card.md").read_text(encoding="utf-8")
    assert "train.jsonl" in card
    assert "exact match" in card
    assert not (tmp_path / "models" / "mine.training" / "checkpoints").exists()
    assert keepgate("ask", out, "--text", text, "--question", "誰?").code == 0


def test_questions_without_an_answer_give_a_reader_that_abstains(tmp_path: Path, keepgate) -> None:
    paragraphs = [
        {
            "context": f"第{k}天，{NAMES[k % 3]}說他想成為{GOALS[k % 6]}。",
            "qas": [
                {"id": f"a{k}", "question": "第幾天?", "answers": [{"text": f"第{k}天", "answer_start": 0}]},
                {"id": f"n{k}", "question": "他在哪裡?", "is_impossible": True, "answers": []},
            ],
        }
        for k in range(12)
    ]
    data = tmp_path / "train.json"
    data.write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}), encoding="utf-8")
    ran = keepgate(
        "train", "reader", data, "--dev", data, "--out", tmp_path / "mine", "--kind", "span", *QUICK
    )
    assert ran.code == 0, ran.err
    words = ran.out.replace("\n", " ")
    assert "24 questions (squad), 12 of them without an answer in the text" in words
    assert "No answer is given where its log odds against the best span are above" in words
    assert "F1, bag of words, unanswerable" in words
    model = load(tmp_path / "mine")
    assert model.settings.no_answer
    assert f"above {model.settings.no_answer_threshold:.2f}," in words
    measured = json.loads(keepgate("evaluate", tmp_path / "mine", data, "--json").out)
    assert {"exact", "HasAns_exact", "HasAns_f1", "NoAns_exact", "NoAns_f1"} <= set(measured)
    assert "exact match, unanswerable" in keepgate("evaluate", tmp_path / "mine", data).out


def test_answers_that_differ_train_a_reader_that_points(tmp_path: Path, keepgate) -> None:
    data = write(tmp_path / "train.jsonl", 12, answer=lambda k: f"第{k}天" if k != 5 else "明天")
    options = ("--set", "pair_size=2", "--set", "autocast=none")
    ran = keepgate("train", "reader", data, "--out", tmp_path / "mine", *QUICK, *options)
    assert ran.code == 0, ran.err
    assert "training a span reader" in ran.out
    assert "1 more left out because the answer is not in the text" in ran.out
    assert "是誰想要成為船長? (answer: 明天)" in ran.out
    assert load(tmp_path / "mine").kind == "span-reader"


def test_the_same_command_writes_the_same_model(data: Path, tmp_path: Path, keepgate) -> None:
    written = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        keepgate("train", "reader", data, "--out", tmp_path / name / "mine", *QUICK)
        written.append({path.name: path.read_bytes() for path in (tmp_path / name / "mine").iterdir()})
    assert written[0] == written[1]
    keepgate("train", "reader", data, "--out", tmp_path / "c", *QUICK, "--seed", 1)
    assert (tmp_path / "c" / "weights.safetensors").read_bytes() != written[0]["weights.safetensors"]


def test_nothing_is_overwritten(data: Path, tmp_path: Path, keepgate) -> None:
    keepgate("train", "reader", data, "--out", tmp_path / "mine", *QUICK)
    before = (tmp_path / "mine" / "weights.safetensors").read_bytes()
    again = keepgate("train", "reader", data, "--out", tmp_path / "mine", *QUICK, "--seed", 1)
    assert again.code == 2
    assert "is there already" in again.err
    resumed = keepgate("train", "reader", data, "--out", tmp_path / "mine", *QUICK, "--resume")
    assert (resumed.code, "nothing to do" in resumed.out) == (0, True)
    assert (tmp_path / "mine" / "weights.safetensors").read_bytes() == before
    assert keepgate("train", "reader", data, "--out", data, *QUICK).code == 2


def test_a_stopped_training_goes_on_with_resume(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keepgate
) -> None:
    keepgate("train", "reader", data, "--out", tmp_path / "whole", *QUICK)

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt("stopped here; the same command with --resume goes on from there")

    with monkeypatch.context() as patch:
        patch.setattr("keepgate.export.save", stop)
        patch.setattr("signal.signal", lambda *_: None)
        ran = keepgate("train", "reader", data, "--out", tmp_path / "parts", *QUICK)
    assert ran.code == 130
    assert "with --resume goes on" in ran.err
    assert keepgate("train", "reader", data, "--out", tmp_path / "parts", *QUICK).code == 2
    resumed = keepgate("train", "reader", data, "--out", tmp_path / "parts", *QUICK, "--resume")
    assert resumed.code == 0
    for name in ("weights.safetensors", "vocabulary.json"):
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


class Killed(BaseException):
    """SIGKILL, which nothing catches."""


def test_killed_while_the_checkpoints_are_removed_the_model_counts_as_trained(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keepgate
) -> None:
    def killed(folder: Path, **_: object) -> None:
        if "checkpoints" in folder.name:
            next(folder.glob("step-*/state.json")).unlink()
            raise Killed

    words = ("train", "reader", data, "--out", tmp_path / "mine", *QUICK)
    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", killed)
        with pytest.raises(Killed):
            keepgate(*words)
    resumed = keepgate(*words, "--resume")
    assert (resumed.code, "nothing to do" in resumed.out) == (0, True), resumed.err
    assert [path.name for path in (tmp_path / "mine.training").iterdir()] == ["metrics.jsonl"]


def test_a_loss_that_is_not_a_number_ends_with_its_own_code(data: Path, tmp_path: Path, keepgate) -> None:
    options = ("--learning-rate", 1e38, "--set", "max_grad_norm=none", "--steps", 20, "--batch-size", 4)
    ran = keepgate("train", "reader", data, "--out", tmp_path / "mine", *options)
    assert ran.code == 4
    assert "step" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--set", "hiden_size=4"], "--set hiden_size: there is no such setting. The model has hidden_size"),
        (["--set", "hidden_size"], "write NAME=VALUE"),
        (["--set", "hidden_size=many"], "hidden_size is 'many'; it must be a whole number"),
        (
            ["--set", "learning_rat=1"],
            "learning_rat: there is no such setting. The training has learning_rate",
        ),
        (["--steps", "0"], "steps is 0; it must be 1 or more"),
        (["--steps", "3", "--epochs", "3"], "give one of them"),
        (["--dev", "missing.json"], "missing.json does not exist"),
    ],
)
def test_a_wrong_setting_is_named(
    options: list[str], says: str, data: Path, tmp_path: Path, keepgate
) -> None:
    ran = keepgate("train", "reader", data, "--out", tmp_path / "mine", *options)
    assert ran.code == (3 if "missing" in says else 2)
    assert says in ran.err
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize(
    ("written", "meant"),
    [("3", 3), ("3e-3", 0.003), ("TRUE", True), ("none", None), ("lstm", "lstm"), ("-1", -1)],
)
def test_a_value_is_what_it_looks_like(written: str, meant: object) -> None:
    assert value(written) == meant
    assert type(value(written)) is type(meant)


def test_a_list_has_commas_between() -> None:
    assert split(["quantiles=0.05, 0.5,0.95", "betas=0.8,0.9"], ForecasterSettings) == (
        {"quantiles": [0.05, 0.5, 0.95]},
        {"betas": [0.8, 0.9]},
    )
    assert split(["quantiles=0.5"], ForecasterSettings)[0] == {"quantiles": [0.5]}


def test_settings_stand_in_a_file_and_options_go_before_it(
    data: Path, tmp_path: Path, text: Path, keepgate
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        'cell = "gru"\nhidden_size = 5  # units\nembedding_size = 3\n'
        'betas = [0.8, 0.9]\nmax_grad_norm = "none"\nsteps = 9\n'
    )
    out = tmp_path / "mine"
    ran = keepgate(
        "train", "reader", data, "--out", out, "--settings", file, "--set", "embedding_size=4", "--steps", 2
    )
    assert ran.code == 0, ran.err
    settings = load(out).settings
    assert (settings.cell, settings.hidden_size, settings.embedding_size) == ("gru", 5, 4)
    card = (out / "card.md").read_text(encoding="utf-8")
    assert "| betas | (0.8, 0.9) |" in card or "0.8, 0.9" in card
    assert "max_grad_norm" not in card
    assert "2 steps of" in ran.out


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        ("hiden_size = 4", 2, "mine.toml: hiden_size: there is no such setting. The model has hidden_size"),
        ("hidden_size = ", 2, "mine.toml is not TOML"),
        ('hidden_size = "many"', 2, "hidden_size is 'many'; it must be a whole number"),
        ("[cell]\nhidden_size = 4", 2, "mine.toml: cell is a table"),
        ("", 3, "is empty"),
        (None, 3, "does not exist"),
    ],
)
def test_a_wrong_file_of_settings_is_answered(
    content: str | None, code: int, says: str, data: Path, tmp_path: Path, keepgate
) -> None:
    if content is not None:
        (tmp_path / "mine.toml").write_text(content)
    ran = keepgate("train", "reader", data, "--out", tmp_path / "mine", "--settings", tmp_path / "mine.toml")
    assert (ran.code, says in ran.err.replace("\n", " ")) == (code, True), ran.err
    assert not (tmp_path / "mine").exists()


def test_settings_of_the_reader_and_of_its_training_are_told_apart() -> None:
    pairs = ["cell=lstm", "max_grad_norm=none", "dropout=0.5", "optimiser=adamw"]
    assert split(pairs, ChoiceReaderSettings) == (
        {"cell": "lstm", "dropout": 0.5},
        {"max_grad_norm": None, "optimiser": "adamw"},
    )


def test_what_is_asked_for_takes_the_place_of_the_recipe() -> None:
    base = TrainingConfig(steps=100, learning_rate=0.1)
    assert run_from(base, {}, {"epochs": None, "seed": 0}) == base
    assert run_from(base, {"max_grad_norm": None}, {"epochs": 5, "steps": None}) == TrainingConfig(
        epochs=5, learning_rate=0.1, max_grad_norm=None
    )


@pytest.mark.parametrize("kind", ["span-reader", "choice-reader"])
def test_a_small_corpus_is_trained_for_long_enough_to_learn_something(kind: str) -> None:
    small, large = recipe(kind, 10), recipe(kind, 10_000)
    assert (small.steps or 0) >= 300
    assert (large.steps or 0) * large.batch_size >= 5 * 10_000
    with pytest.raises(SettingsError, match="known are"):
        recipe("reader", 10)
    with pytest.raises(SettingsError, match="at least one"):
        recipe(kind, 0)


def test_a_file_without_a_task_is_asked_about(tmp_path: Path, keepgate) -> None:
    both = tmp_path / "both.jsonl"
    record = {"text": "a b", "label": "x", "tokens": ["a", "b"], "tags": ["O", "B-X"]}
    both.write_text("".join(json.dumps(record) + "\n" for _ in range(3)))
    ran = keepgate("train", both, "--out", tmp_path / "mine")
    assert (ran.code, ran.out) == (2, "")
    words = " ".join(ran.err.split())
    assert "both.jsonl fits several tasks; say which is meant" in words
    assert f"keepgate train classifier {both} --out MODEL (3 texts (json lines))" in words
    assert f"keepgate train tagger {both} --out MODEL (3 texts of 6 tokens (json lines))" in words
    assert "train forecaster" not in words
    assert not (tmp_path / "mine").exists()
    (tmp_path / "zeros").write_bytes(bytes(10))
    for words, says in (
        (("nofile.csv",), "nofile.csv does not exist; before the files stands what is trained"),
        ((tmp_path / "none", "--out", "mine"), "none does not exist; before"),
        ((tmp_path,), "is a folder; name the files in it; before"),
    ):
        ran = keepgate("train", *words)
        assert (ran.code, says in " ".join(ran.err.split())) == (3, True), ran.err
    ran = keepgate("train", tmp_path / "zeros")
    assert (ran.code, "is read by no training command" in ran.err.replace("\n", " ")) == (2, True)
    ran = keepgate("train", "clasifier", both)
    assert (ran.code, 'nknown command "clasifier"' in ran.err) == (2, True)
