"""Files and standard input to predict from and to measure on: of each kind of task, the same from both."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keepgate import runtime
from keepgate.cli import predict
from keepgate.data.corpora import questions_in
from keepgate.export import save
from keepgate.tasks import KINDS
from keepgate.tasks.answer import Answer
from tests.train.test_readers import EXAMPLES, LABELLED, LABELLED_SERIES, QUESTIONS, SERIES, SEVERAL, TAGGED

READERS = sorted(kind for kind in KINDS if KINDS[kind].asks)


def lines(records: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()


ASKED = [
    {"id": k, "text": item.text, "question": item.question, "answer": item.answers[0]}
    for k, item in enumerate(QUESTIONS)
]
SERIES_ROWS = [
    {"series": item.id, "a": float(a), "b": float(b), "label": item.label}
    for item in LABELLED_SERIES
    for a, b in item.values
]
# What each kind is measured on, as a file.
DATA = {kind: lines(ASKED) for kind in READERS} | {
    "classifier": lines([{"text": item.text, "label": item.label} for item in LABELLED]),
    "multilabel-classifier": lines(
        [{"text": item.text, "label": list(item.labels or ())} for item in SEVERAL]
    ),
    "tagger": lines([{"tokens": [*item.tokens.texts], "tags": list(item.tags or ())} for item in TAGGED]),
    "series-classifier": lines(SERIES_ROWS),
    "forecaster": lines([{"value": float(value)} for value in SERIES[0].targets[:, 0]]),
    "language-model": "\n".join(item.text for item in LABELLED).encode(),
}
# The command that predicts with it, what stands before the file, and a name of each record.
PREDICT = {kind: (["predict"], [], "answer") for kind in READERS} | {
    "classifier": (["predict"], [], "label"),
    "multilabel-classifier": (["predict"], [], "labels"),
    "tagger": (["tag"], [], "tags"),
    "series-classifier": (["predict"], [], "label"),
    "forecaster": (["forecast"], [], "forecast"),
    "language-model": (["write"], ["--length", "3", "--prompts"], "written"),
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a model of a kind, without training."""
    folder = tmp_path_factory.mktemp("models")

    def model(kind: str) -> Path:
        if not (folder / kind).exists():
            settings = KINDS[kind].task.settings_type(hidden_size=4)
            save(
                KINDS[kind].build(EXAMPLES[kind][0], settings, 0, None),
                folder / kind,
                card={"what": "a test"},
            )
        return folder / kind

    return model


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_predicts_the_same_from_a_file_and_from_standard_input(
    kind: str, models: Callable[[str], Path], tmp_path: Path, keepgate
) -> None:
    command, options, name = PREDICT[kind]
    path = tmp_path / "new.jsonl"
    path.write_bytes(DATA[kind])
    from_file = keepgate(*command, models(kind), *options, path)
    assert from_file.code == 0, from_file.err
    records = [json.loads(line) for line in from_file.out.splitlines()]
    assert records
    assert all(record[name] is not None for record in records)
    piped = keepgate(*command, models(kind), *options, "-", stdin=DATA[kind])
    assert (piped.code, piped.out) == (0, from_file.out), piped.err


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_is_measured_on_standard_input(
    kind: str, models: Callable[[str], Path], tmp_path: Path, keepgate
) -> None:
    path = tmp_path / "dev.jsonl"
    path.write_bytes(DATA[kind])
    figures = [
        json.loads(ran.out) | {"seconds": 0}
        for ran in (
            keepgate("evaluate", models(kind), path, "--json"),
            keepgate("evaluate", models(kind), "-", "--json", stdin=DATA[kind]),
        )
    ]
    assert figures[0] == figures[1]
    ran = keepgate("evaluate", models(kind), "-", stdin=b"\xff\xfe")
    assert (ran.code, "standard input" in ran.err) == (3, True)
    ran = keepgate("evaluate", models(kind), "-", "-", stdin=DATA[kind])
    assert (ran.code, "more than once" in ran.err) == (3, True)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"forecaster", "span-reader", "pointer-reader"}))
def test_it_is_examined_on_standard_input(kind: str, models: Callable[[str], Path], keepgate) -> None:
    ran = keepgate("examine", models(kind), "--data", "-", "--json", "--questions", 4, stdin=DATA[kind])
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)


def test_a_misspelt_option_is_no_file(models: Callable[[str], Path], keepgate) -> None:
    for words in (
        ("evaluate", models("tagger"), "-", "--jsn"),
        ("examine", models("tagger"), "--data", "--json"),
    ):
        ran = keepgate(*words, stdin=DATA["tagger"])
        assert (ran.code, f"{words[-1]} stands where a file belongs" in ran.err) == (2, True), ran.err
    ran = keepgate("train", "tagger", "-", "--out", "mine", stdin=DATA["tagger"])
    assert (ran.code, "- stands where DATA belongs; standard input is not read" in ran.err) == (2, True), (
        ran.err
    )
    for words in (("evaluate", "-", "x.csv"), ("predict", "-", "f"), ("ask", "-", "--text", "f")):
        ran = keepgate(*words, stdin=b"")
        assert (ran.code, ran.err.splitlines()[0]) == (
            2,
            "keepgate: - stands where MODEL belongs; standard input is not read there",
        )


@pytest.mark.parametrize("without_torch", [False, True])
@pytest.mark.parametrize("kind", READERS)
def test_a_reader_gives_back_ids_and_says_where_the_answer_stands(
    kind: str, without_torch: bool, models: Callable[[str], Path], keepgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    if without_torch:
        monkeypatch.setattr(
            "keepgate.cli.predict.load_for", lambda _commands, path, _lacks: runtime.load(path)
        )
    asked = [{**record, "id": f"q{record['id']}"} for record in ASKED[:2]] + [
        {"text": " ", "question": "誰?"}, {"text": ASKED[2]["text"], "question": ASKED[2]["question"]}
    ]  # fmt: skip
    ran = keepgate("predict", models(kind), "-", stdin=lines(asked))
    assert ran.code == 0, ran.err
    records = [json.loads(line) for line in ran.out.splitlines()]
    assert [record.get("id") for record in records] == ["q0", "q1", None, None]
    assert [record["question"] for record in records] == [record["question"] for record in asked]
    assert "1 question without an answer: standard input, line 3: the text is empty." in " ".join(
        ran.err.split()
    )
    assert records[2]["answer"] is records[2]["probability"] is records[2]["start"] is None
    for record, question in zip(records, asked, strict=True):
        assert list(record)[-6:] == ["answer", "probability", "start", "end", "sentence", "candidates"]
        if record["start"] is not None:
            assert question["text"][record["start"] : record["end"]] == record["answer"]
    ran = keepgate("predict", models(kind), "-", "--tsv", stdin=lines(asked))
    assert [line.split("\t")[0] for line in ran.out.splitlines()] == [row["answer"] or "" for row in records]


def test_a_reader_answers_squads_json_tsv_and_babi(
    models: Callable[[str], Path], tmp_path: Path, keepgate
) -> None:
    text, question = ASKED[0]["text"], ASKED[0]["question"]
    paragraph = {"context": text, "qas": [{"id": "x", "question": question}, {"question": question}]}
    for content, ids in (
        (json.dumps({"data": [{"paragraphs": [paragraph]}]}), ["x", None]),
        (f"id\ttext\tquestion\n7\t{text}\t{question}\n", ["7"]),
        (f"{text}\t{question}\n", [None]),
        (f"1 {text}\n2 {question}\t\n", [None]),
    ):
        ran = keepgate("predict", models("span-reader"), "-", stdin=content.encode())
        assert ran.code == 0, ran.err
        assert [json.loads(line).get("id") for line in ran.out.splitlines()] == ids
    out = tmp_path / "answers.jsonl"
    assert keepgate("predict", models("span-reader"), "-", "--out", out, stdin=lines(ASKED)).out == ""
    assert len(out.read_text(encoding="utf-8").splitlines()) == len(ASKED)


@pytest.mark.parametrize("kind", READERS)
def test_what_a_reader_cannot_use_is_refused(kind: str, models: Callable[[str], Path], keepgate) -> None:
    for options, stdin, code, says in (
        ([], b'{"txt": "a", "answer": "b", "question": "c"}', 3, "there is no 'text', only 'txt'"),
        ([], b'{"text": "", "question": "c"}', 3, "no question that can be used"),
        (["--text-column", "text"], lines(ASKED), 2, "answers questions; leave it out"),
    ):  # fmt: skip
        ran = keepgate("predict", models(kind), "-", *options, stdin=stdin)
        assert (ran.code, ran.out, says in " ".join(ran.err.split())) == (code, "", True), ran.err


def test_questions_given_as_the_text_of_ask_are_told(
    models: Callable[[str], Path], tmp_path: Path, keepgate
) -> None:
    path = tmp_path / "q.jsonl"
    path.write_bytes(lines(ASKED[:3]))
    ran = keepgate("ask", models("choice-reader"), "--text", path, "--question", "誰?", "--json")
    assert ran.code == 0
    assert "--text is JSON with 3 questions of its own" in " ".join(ran.err.split())
    assert "keepgate predict" in ran.err
    path.write_text("[1] 魯夫說他想成為海賊王。", encoding="utf-8")
    assert (
        "of its own" not in keepgate("ask", models("choice-reader"), "--text", path, "--question", "誰?").err
    )


def test_prompts_are_continued_each_as_if_it_stood_alone(models: Callable[[str], Path], keepgate) -> None:
    prompts = [{"id": 3, "text": "魯夫"}, {"text": ""}, {"text": "娜美說"}]
    options = ("--length", 5, "--seed", 2)
    ran = keepgate("write", models("language-model"), "--prompts", "-", *options, stdin=lines(prompts))
    assert ran.code == 0, ran.err
    first, empty, last = map(json.loads, ran.out.splitlines())
    assert (first["id"], first["text"]) == ("3", "魯夫")
    assert empty == {"text": "", "written": None}
    alone = keepgate("write", models("language-model"), "--prompt", "娜美說", *options).out
    assert alone == last["text"] + last["written"] + "\n"
    ran = keepgate("write", models("language-model"), "--prompts", "-", stdin="魯夫\nZZZ€\n娜美".encode())
    assert (ran.code, ran.out) == (2, "")
    assert "standard input, prompt 2: the prompt has 'Z', '€', which were not among" in " ".join(
        ran.err.split()
    )
    ran = keepgate(
        "write", models("language-model"), "--prompts", "-", *options, stdin="Text\n魯夫\n".encode()
    )
    assert (ran.code, len(ran.out.splitlines())) == (0, 1)
    assert "its first line, Text, is read as the name of the column" in " ".join(ran.err.split())
    ran = keepgate("write", models("language-model"), "--prompt", "魯夫", "--prompts", "-", stdin=b"a")
    assert (ran.code, "--prompt" in ran.err) == (2, True)


def test_a_first_row_that_lacks_a_field_hides_no_column(models: Callable[[str], Path], keepgate) -> None:
    rows = [{"label": "魯夫"}, *({"text": item.text, "label": item.label, "id": 5.0} for item in LABELLED)]
    ran = keepgate("evaluate", models("classifier"), "-", "--json", stdin=lines(rows))
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["texts"] == len(LABELLED)
    ran = keepgate("predict", models("classifier"), "-", stdin=lines(rows))
    records = [json.loads(line) for line in ran.out.splitlines()]
    assert [record.get("id") for record in records] == [None] + ["5"] * len(LABELLED)
    assert [record["text"] for record in records] == ["", *(item.text for item in LABELLED)]


def test_tokens_are_placed_in_the_text_that_is_given(models: Callable[[str], Path], keepgate) -> None:
    rows = [
        {"id": "a", "tokens": ["魯夫", "說", "夫"], "text": "「魯夫」，他說：夫!"},
        {"tokens": ["魯", "夫"]},
    ]
    ran = keepgate("tag", models("tagger"), "-", stdin=lines(rows))
    assert ran.code == 0, ran.err
    first, second = map(json.loads, ran.out.splitlines())
    assert (first["id"], first["text"], second["text"]) == ("a", rows[0]["text"], "魯夫")
    for entity in first["entities"]:
        assert first["text"][entity["start"] : entity["end"]] == entity["text"]
    ran = keepgate(
        "tag", models("tagger"), "-", stdin=lines([rows[1], {"tokens": ["夫", "魯"], "text": "魯夫"}])
    )
    assert (ran.code, ran.out) == (3, "")
    assert "line 2: token 2, '魯', is not in the text from character 2 on" in ran.err


@pytest.mark.parametrize(
    ("kind", "rows", "says"),
    [
        ("classifier", [{"text": "a", "label": True}, {"text": "a", "label": "b"}], "The first is 'true'; the model"),
        ("multilabel-classifier", [{"text": "a", "label": ["long", 2.0]}], "The first is '2'; the model has '"),
        ("series-classifier", [{"a": 1, "b": 2, "label": 1.0}], "The first is '1'; the model has 'a', 'b'."),
        ("tagger", [{"tokens": ["a"], "tags": ["X"]}], "The first is 'X'; the model has 'B-X', 'O'."),
        ("choice-reader", [{"text": "a", "question": "b", "answer": 1.0}], "The first is '1'; the model has '"),
    ],
)  # fmt: skip
def test_the_first_label_that_is_none_of_the_models_is_named(
    kind: str, rows: list[dict[str, Any]], says: str, models: Callable[[str], Path], keepgate
) -> None:
    ran = keepgate("evaluate", models(kind), "-", "--json", stdin=lines(rows))
    assert ran.code == 0, ran.err
    assert says in " ".join(ran.err.split())


def test_unknown_labels_of_whole_texts_are_told_beside_unknown_tags(tmp_path: Path, keepgate) -> None:
    items = [replace(item, label=f"label {k % 2}") for k, item in enumerate(TAGGED)]
    kind = KINDS["tagger"]
    settings = kind.task.settings_type(hidden_size=4)
    save(kind.task.build(items, settings, seed=0), tmp_path / "model", card={})
    rows = [{"tokens": ["a"], "tags": [tag], "label": "Sing"} for tag in ("O", "X")]
    ran = keepgate("evaluate", tmp_path / "model", "-", "--json", stdin=lines(rows))
    assert ran.code == 0, ran.err
    printed = " ".join(ran.err.split())
    assert (
        "1 of 2 texts cannot be right because one of its tags is none of the model's. The first is 'X'"
        in printed
    )
    assert (
        "2 of 2 labels of whole texts cannot be right, each because it is none of the model's. The first is 'Sing'; "
        "the model has 'label 0', 'label 1'." in printed
    )
    assert "legal sequence" not in printed


def test_no_fewer_questions_are_read_at_once_than_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    class Task:
        def predict(self, questions: list[Any], *, batch_size: int) -> list[Answer]:
            sizes.append((len(questions), batch_size))
            return [Answer("", 0.5)] * len(questions)

    monkeypatch.setattr(predict, "_AT_ONCE", 2)
    corpus = questions_in(lines(ASKED[:5]).decode(), "a")
    assert len(predict._answers(Task(), corpus, 4)) == 5
    assert sizes == [(4, 4), (1, 4)]
