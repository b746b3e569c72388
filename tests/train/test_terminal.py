"""What a training shows: nothing in two seconds, then a bar on a terminal and lines in a file."""

import io
import itertools
import pickle
import re
from types import SimpleNamespace

import pytest

from keepgate import progress as progress_module
from keepgate.train import Progress, ProgressBar, TrainingConfig, fit
from tests.fake_task import Parity, rows

DATA = rows(20)


class Terminal(io.StringIO):
    """What would appear on a terminal, all of it: a pseudo-terminal hands out only what has arrived so far."""

    def isatty(self) -> bool:
        return True


class Seconds:
    """A clock that goes on by as much as it is told with each look."""

    def __init__(self, each: float) -> None:
        self.each, self.now = each, 0.0

    def __call__(self) -> float:
        self.now += self.each
        return self.now


def slow(monkeypatch: pytest.MonkeyPatch, each: float) -> None:
    clock = SimpleNamespace(monotonic=Seconds(each), perf_counter=Seconds(each), process_time=Seconds(each))
    monkeypatch.setattr(progress_module, "time", clock)


def test_a_short_training_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    fit(Parity.build(), TrainingConfig(steps=3), examples=DATA)
    assert capfd.readouterr() == ("", "")


def test_lines_where_stderr_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    slow(monkeypatch, 1.0)
    fit(
        Parity.build(),
        TrainingConfig(steps=30, evaluate_every=15),
        examples=DATA,
        dev=lambda _: {"exact": 0.5},
    )
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert 3 <= len(lines) <= 4
    assert re.fullmatch(
        r"epoch \d+ of 30: \d+ of 30 steps, loss \d\.\d{4}, 1\.0 steps/s, \d+ s left", lines[0]
    )
    assert re.fullmatch(
        r"epoch 30 of 30: 30 of 30 steps, loss .*, exact 0\.500, 1\.0 steps/s, 0 s left", lines[-1]
    )


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    slow(monkeypatch, 1.0)
    terminal = Terminal()
    with monkeypatch.context() as patch:
        patch.setattr("sys.stderr", terminal)
        fit(Parity.build(), TrainingConfig(steps=9), examples=DATA)
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", terminal.getvalue())
    last = [line for line in re.split(r"[\r\n]+", shown) if line.strip()][-1]
    assert re.search(r"epoch 9 of 9 .*9/9 +loss \d\.\d{4} +1\.0 steps/s +0:00:00", last)


def test_nothing_is_shown_when_not_asked(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    slow(monkeypatch, 100.0)
    fit(Parity.build(), TrainingConfig(steps=30), examples=DATA, progress=False)
    assert capfd.readouterr() == ("", "")


def test_progress_goes_from_process_to_process_and_many_share_one_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    slow(monkeypatch, 5.0)
    seen: list[Progress] = []
    fit(Parity.build(), TrainingConfig(steps=2), examples=DATA, progress=False, on_step=seen.append)
    assert pickle.loads(pickle.dumps(seen)) == seen
    with ProgressBar(4, "rnn and gru", unit="batches") as bar:
        for done, now in enumerate([*seen, *seen], start=1):
            bar.update(done, loss=now.loss)
    assert re.search(r"rnn and gru: 4 of 4 batches, loss \d\.\d{4}, 0\.\d batches/s", capsys.readouterr().err)


def test_in_a_notebook_one_line_is_written_over_and_nothing_looks_like_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    slow(monkeypatch, 1.0)
    with ProgressBar(6, "a very long name") as bar:
        for done in range(1, 7):
            bar.update(done, name="" if done < 4 else "short")
            if done == 4:
                bar.say("seen from above")
    out, err = capsys.readouterr()
    assert err == ""
    before, after = out.split("seen from above")
    assert before.count("\n") == 0
    assert after.lstrip(" ").startswith("\n")
    lines = before.split("\r")[1:-1]
    assert all(len(later) >= len(earlier) for earlier, later in itertools.pairwise(lines))
    last = after.rpartition("\r")[2]
    assert re.fullmatch(r"short  █{24} 6/6  1\.0 steps/s  0 s left *\n", last)
    assert "░" in before
