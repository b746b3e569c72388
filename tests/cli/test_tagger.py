"""A tagger at the command line: trained, measured, looked at, and used on files and on standard input."""

import json
import shutil
from pathlib import Path

import pytest

from keepgate import progress, runtime
from keepgate.export import load

QUICK = tuple(
    word
    for name in ("hidden_size=8", "embedding_size=8", "pair_size=4", "min_count=1", "dropout=0.1")
    for word in ("--set", name)
)


def write(path: Path, count: int = 24) -> Path:
    blocks = []
    for k in range(count):
        name, firm = ("王明", "陳思", "李華")[k % 3], ("大同", "長榮")[k // 3 % 2]
        tags = ("B-PER", "E-PER", "O", "B-ORG", "E-ORG", "O")
        blocks.append(
            "".join(f"{token} {tag}\n" for token, tag in zip(f"{name}在{firm}。", tags, strict=True))
        )
    path.write_text("\n".join(blocks), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from keepgate.cli.__main__ import main

    folder = tmp_path_factory.mktemp("tagger")
    data = write(folder / "train.conll")
    options = ("--dev", data, "--out", folder / "mine", "--steps", 60, "--learning-rate", 0.03, *QUICK)
    assert main([str(word) for word in ("train", "tagger", data, *options)]) == 0
    return folder / "mine"


def test_it_is_trained_and_says_what_it_read(tmp_path: Path, keepgate) -> None:
    data = write(tmp_path / "train.conll")
    with data.open("a", encoding="utf-8") as file:
        file.write("\n王 E-PER\n明 E-PER\n\n海 S-SEA\n")
    out = tmp_path / "mine"
    ran = keepgate("train", "tagger", data, "--dev", data, "--out", out, "--steps", 4, *QUICK)
    assert ran.code == 0, ran.err
    for words in (
        "26 texts of 147 tokens (columns)",
        "6 tags: O 48",
        "1 of 3 tags occur less than a tenth as often as 'PER'",
        "1 more left out because its tags are no legal sequence of BMES",
        "On --dev: F1 of entities",
        "always 'O'",
        "keepgate tag",
    ):
        assert words in ran.out.replace("\n", " ")
    assert load(out).choices == ("B-ORG", "B-PER", "E-ORG", "E-PER", "O", "S-SEA")


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        ("", 3, "is empty"),
        ("王 O\n明 O\n", 3, "two or more different tags"),
        ("王 B-PER\n明\n", 3, "line 2: there is one column"),
        ("王 B-PER\n明 L-PER\n\n王 S-PER\n", 3, "begin with B, L, S, which is none of the schemes"),
        ("王 E-PER\n明 B-PER\n", 2, "give at least one"),
    ],
)
def test_broken_data_is_named_and_nothing_is_written(
    content: str, code: int, says: str, tmp_path: Path, keepgate
) -> None:
    data = tmp_path / "train.conll"
    data.write_text(content, encoding="utf-8")
    ran = keepgate("train", "tagger", data, "--out", tmp_path / "mine", "--steps", 2, *QUICK)
    assert (ran.code, says in ran.err.replace("\n", " ")) == (code, True), ran.err
    assert not (tmp_path / "mine").exists()


def test_it_is_measured_and_unknown_tags_are_told(model: Path, tmp_path: Path, keepgate) -> None:
    ran = keepgate(
        "evaluate", model, write(tmp_path / "test.conll", 6), "--json", "--out", tmp_path / "p.jsonl"
    )
    figures = json.loads(ran.out)
    assert figures["f1"]["mean"] == 1.0
    first = json.loads((tmp_path / "p.jsonl").read_text().splitlines()[0])
    assert first["prediction"] == first["tags"] == ["B-PER", "E-PER", "O", "B-ORG", "E-ORG", "O"]
    unknown = tmp_path / "unknown.conll"
    unknown.write_text("王 B-LOC\n明 E-LOC\n", encoding="utf-8")
    ran = keepgate("evaluate", model, unknown)
    assert "1 of 1 text cannot be right because one of its tags is none of the model's" in ran.err.replace(
        "\n", " "
    )
    assert "recall of entities" in ran.out


def test_texts_are_tagged_from_files_and_standard_input(model: Path, tmp_path: Path, keepgate) -> None:
    text = "陳思 在長榮。\n\n李華在大同。\n"
    (tmp_path / "new.txt").write_text(text, encoding="utf-8")
    ran = keepgate("tag", model, tmp_path / "new.txt")
    assert ran.code == 0, ran.err
    first, second = (json.loads(line) for line in ran.out.splitlines())
    assert first["tokens"] == list("陳思在長榮。")
    assert second["entities"] == [
        {"type": "PER", "text": "李華", "start": 0, "end": 2},
        {"type": "ORG", "text": "大同", "start": 3, "end": 5},
    ]
    assert first["entities"][1]["start"] == 4
    ran = keepgate("tag", model, "-", "--columns", stdin=text.encode())
    assert ran.out.startswith("陳\tB-PER\n思\tE-PER\n在\tO\n")
    assert ran.out.count("\n\n") == 2
    lines = '{"tokens": []}\n{"text": "李華在大同。"}\n{"text": ""}\n'
    ran = keepgate("tag", model, "-", stdin=lines.encode())
    nothing = {"text": "", "tokens": [], "tags": [], "entities": []}
    assert [json.loads(line) for line in ran.out.splitlines()] == [nothing, second, nothing]
    assert keepgate("tag", model, tmp_path / "new.txt", "--out", tmp_path / "t.jsonl").out == ""
    assert json.loads((tmp_path / "t.jsonl").read_text().splitlines()[1]) == second
    assert keepgate("tag", model, "-", "--columns", "--out", "x", stdin=b"a").code == 2
    assert keepgate("tag", model, tmp_path / "none.txt").code == 3


@pytest.mark.parametrize("without_torch", [False, True])
def test_what_takes_long_shows_how_far_it_is(
    model: Path, keepgate, monkeypatch: pytest.MonkeyPatch, without_torch: bool
) -> None:
    monkeypatch.setattr(progress, "_QUIET_SECONDS", 0)
    if without_torch:
        monkeypatch.setattr("keepgate.cli.tag.load_for", lambda _command, path, _lacks: runtime.load(path))
    ran = keepgate("tag", model, "-", stdin="魯夫說\n志豪說\n".encode())
    assert "2 of 2 texts" in ran.err
    assert len(ran.out.splitlines()) == 2


def test_look_says_on_which_tokens_a_tag_rests(model: Path, tmp_path: Path, keepgate) -> None:
    path = tmp_path / "new.txt"
    path.write_text("陳思在長榮。", encoding="utf-8")
    ran = keepgate("look", model, "--text", path, "--question", "長榮")
    assert ran.code == 0, ran.err
    assert "B-ORG" in ran.out
    assert keepgate("look", model, "--text", path, "--html", tmp_path / "a.html").code == 0
    assert "B-PER" in (tmp_path / "a.html").read_text(encoding="utf-8")
    ran = keepgate("look", model, "--text", path, "--question", "張")
    assert (ran.code, "'張' is not in the text" in ran.err) == (2, True)


def test_what_is_for_other_models_is_refused(model: Path, tmp_path: Path, keepgate, lstm: Path) -> None:
    path = tmp_path / "new.txt"
    path.write_text("陳思在長榮。", encoding="utf-8")
    for command in (("predict", model, path), ("ask", model, "--text", path, "--question", "who?")):
        ran = keepgate(*command)
        assert (ran.code, "keepgate tag" in ran.err) == (2, True)
    shutil.copytree(model, tmp_path / "my tagger")
    ran = keepgate("predict", tmp_path / "my tagger", path)
    assert f"keepgate tag '{tmp_path}/my tagger' FILE" in ran.err.replace("\n", " ")
    ran = keepgate("tag", lstm, path)
    assert (ran.code, "which gives no tags; use `keepgate ask" in ran.err.replace("\n", " ")) == (2, True)
    ran = keepgate("evaluate", model, path, "--text-column", "x")
    assert (ran.code, "reads no such column" in ran.err) == (2, True)


def test_it_is_examined(model: Path, tmp_path: Path, keepgate) -> None:
    ran = keepgate("examine", model, "--data", write(tmp_path / "test.conll", 12))
    assert ran.code == 0, ran.err
    assert "12 texts of up to 5 tokens" in ran.out


def test_a_label_of_the_whole_text_is_learnt_and_written(tmp_path: Path, keepgate) -> None:
    lines = [
        {"tokens": [verb, "it"], "tags": ["O", "B-X"], "label": verb}
        for verb in ("play", "stop")
        for _ in range(4)
    ]
    data = tmp_path / "requests.jsonl"
    data.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    out = tmp_path / "mine"
    ran = keepgate("train", "tagger", data, "--dev", data, "--out", out, "--steps", 4, *QUICK)
    assert ran.code == 0, ran.err
    assert "2 labels: play 4, stop 4" in ran.out
    assert "accuracy of labels" in ran.out
    ran = keepgate("tag", out, "-", stdin=b"stop it")
    assert json.loads(ran.out)["label"] in ("play", "stop")
