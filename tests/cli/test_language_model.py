"""A language model at the command line: trained, measured, looked at, and writing."""

import json
from pathlib import Path

import pytest

from keepgate.cli.__main__ import main

QUICK = ("--set", "hidden_size=6", "--set", "embedding_size=4", "--threads", "1", "--steps", "4")
TEXT = "Ann sees a cat.\nBob sees the sea.\n" * 20


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, `mine`, and the text that it was trained on."""
    folder = tmp_path_factory.mktemp("language_model")
    (folder / "text.txt").write_bytes(TEXT.replace("\n", "\r\n").encode())
    words = ("train", "language-model", folder / "text.txt", "--out", folder / "mine", *QUICK)
    assert main([str(word) for word in words]) == 0
    return folder


def test_it_is_trained_and_says_how_good_it_is_in_its_own_units(
    files: Path, tmp_path: Path, keepgate
) -> None:
    data, out = files / "text.txt", tmp_path / "m"
    ran = keepgate(
        "train", "language-model", data, "--dev", data, "--out", out, *QUICK, "--set", "tokens=words"
    )
    assert ran.code == 0, ran.err
    printed = ran.out.replace("\n", " ")
    for part in (
        "1 text (plain text), 680 characters", "4 steps of 1 lane, 96 tokens of each", "nats a token; perplexity",
        "guessing: cross entropy", "frequencies of this text: cross entropy", "keepgate write",
    ):  # fmt: skip
        assert part in printed
    assert "nats a token" in (out / "card.md").read_text()


def test_a_dev_part_that_was_trained_on_is_told(files: Path, tmp_path: Path, keepgate) -> None:
    text = files / "text.txt"
    ran = keepgate("train", "language-model", text, "--dev", text, "--out", tmp_path / "m", *QUICK)
    assert "6 of 6 passages of 100 characters of --dev" in " ".join(ran.out.split()), ran.err


def test_it_is_measured_with_names_and_units(files: Path, tmp_path: Path, keepgate) -> None:
    ran = keepgate("evaluate", files / "mine", files / "text.txt", "--out", tmp_path / "blocks.jsonl")
    assert ran.code == 0, ran.err
    assert all(part in ran.out for part in ("cross entropy", "nats a token", "perplexity", "bits"))
    assert "per cent" not in ran.out
    blocks = [json.loads(line) for line in (tmp_path / "blocks.jsonl").read_text().splitlines()]
    assert sum(block["characters"] for block in blocks) == len(TEXT) - 1
    figures = json.loads(keepgate("evaluate", files / "mine", files / "text.txt", "--json").out)
    assert figures["nats"]["low"] <= figures["nats"]["mean"] <= figures["nats"]["high"]


def test_it_writes_after_the_prompt_by_the_seed(files: Path, keepgate) -> None:
    def write(*options: object) -> str:
        ran = keepgate("write", files / "mine", "--prompt", "Ann sees", "--length", 30, *options)
        assert ran.code == 0, ran.err
        return ran.out

    assert write().startswith("Ann sees")
    assert len(write()) == len("Ann sees") + 30 + 1
    assert write("--seed", 1) == write("--seed", 1) != write("--seed", 2)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--prompt", ""], "the prompt is empty"),
        (["--prompt", "Zoë"], "'Z', 'ë', which were not"),
        (["--prompt", "Ann", "--temperature", 0], "temperature is 0"),
        (["--prompt", "Ann", "--top-p", 2], "top_p is 2"),
        (["--prompt", "Ann", "--length", 0], "--length is 0"),
        ([], "needs --prompt"),
    ],
)
def test_a_wrong_option_of_write_is_refused(options: list[object], says: str, files: Path, keepgate) -> None:
    ran = keepgate("write", files / "mine", *options)
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("content", "options", "code", "says"),
    [
        (b"", [], 3, "is empty"),
        (b" \n\n", [], 3, "is empty"),
        (b"a", [], 3, "texts: 1, of which"),
        (b"Ann sees", ["--batch-size", 8], 2, "too short for 8 lanes"),
        (b"\xff\xfeA\0", [], 3, "is not UTF-8"),
    ],
)
def test_a_text_that_nothing_can_be_learnt_from_is_refused(
    content: bytes, options: list[object], code: int, says: str, tmp_path: Path, keepgate
) -> None:
    (tmp_path / "text.txt").write_bytes(content)
    ran = keepgate("train", "language-model", tmp_path / "text.txt", "--out", tmp_path / "m", *options)
    assert ran.code == code
    assert says in ran.err
    assert not (tmp_path / "m").exists()


def test_other_commands_say_what_it_is_for(files: Path, lstm: Path, keepgate) -> None:
    text = files / "text.txt"
    for words in (
        ("predict", files / "mine", text),
        ("ask", files / "mine", "--text", text, "--question", "Who?"),
    ):
        ran = keepgate(*words)
        assert ran.code == 2
        assert "keepgate write" in ran.err
    ran = keepgate("write", lstm, "--prompt", "Ann")
    assert ran.code == 2
    assert "writes no text" in ran.err


def test_a_look_shows_the_next_token_and_what_it_rests_on(files: Path, tmp_path: Path, keepgate) -> None:
    (tmp_path / "start.txt").write_text("Ann sees a")
    ran = keepgate("look", files / "mine", "--text", tmp_path / "start.txt")
    assert ran.code == 0, ran.err
    assert "forget f" in ran.out


@pytest.mark.parametrize(("count", "says"), [(1, "1 text, each place"), (2, "2 texts, each place")])
def test_its_examination_says_how_much_is_read_before_each_place(
    count: int, says: str, files: Path, keepgate
) -> None:
    ran = keepgate("examine", files / "mine", *("--data", files / "text.txt") * count)
    assert ran.code == 0, ran.err
    assert f"{says} predicted from up to 256 tokens before it" in ran.out
