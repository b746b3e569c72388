"""What the commands are tried on: small models without training, a text, and a way to call a command."""

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from keepgate.cli.__main__ import main
from keepgate.data.questions import Question
from keepgate.export import save
from keepgate.tasks import ChoiceReader
from keepgate.tasks.choice import ChoiceReaderSettings

STORY = "魯夫說他想成為海賊王。今天天氣很好。\n娜美說她想成為航海士。"
ASKED = "是誰想要成為海賊王?"


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str


Keepgate = Callable[..., Ran]


@pytest.fixture
def keepgate(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Keepgate:
    """Runs one command in this process; `stdin` is what a pipe would send it."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("KEEPGATE_DEBUG", raising=False)

    def run(*arguments: object, stdin: bytes = b"") -> Ran:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "story.txt"
    path.write_text(STORY, encoding="utf-8")
    return path


def _model(folder: Path, **settings: object) -> Path:
    questions = [
        Question(text=STORY, question=ASKED, answers=("魯夫",), starts=(0,)),
        Question(text=STORY, question="是誰想要成為航海士?", answers=("娜美",)),
    ]
    chosen = ChoiceReaderSettings(embedding_size=4, hidden_size=5, **settings)  # type: ignore[arg-type]
    save(ChoiceReader.build(questions, chosen, seed=0), folder, card={"what": "a reader for tests"})
    return folder


@pytest.fixture(scope="session")
def lstm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two layers, both directions, text and question read apart."""
    return _model(tmp_path_factory.mktemp("models") / "lstm", cell="lstm", num_layers=2)


@pytest.fixture(scope="session")
def rnn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One direction, text and question read as one."""
    return _model(tmp_path_factory.mktemp("models") / "rnn", cell="rnn", pooling="last", bidirectional=False)


@pytest.fixture(scope="session")
def window(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """No memory at all."""
    return _model(
        tmp_path_factory.mktemp("models") / "window",
        cell="feedforward", pooling="last", bidirectional=False, window=4,
    )  # fmt: skip
