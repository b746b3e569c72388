"""`keepgate train --tune`: settings tried in processes, the best kept, a search that goes on, and what is refused."""

import json
import math
import os
import re
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from keepgate.cli import trials
from keepgate.cli.search_space import Range, Values, space_from
from keepgate.cli.train import Score
from keepgate.cli.train_commands import train_commands
from keepgate.errors import SettingsError
from keepgate.export import load
from keepgate.tasks import KINDS
from keepgate.tasks.classifier import ClassifierSettings
from keepgate.train.recipes import recipe
from tests.cli.test_classifier import QUICK, write


@pytest.fixture
def words(tmp_path: Path) -> list[object]:
    space = tmp_path / "space.toml"
    space.write_text('dropout = { low = 0.0, high = 0.5 }\npooling = ["last", "mean+max"]\n')
    data, dev = write(tmp_path / "train.csv"), write(tmp_path / "dev.csv", 12)
    options = ("--dev", dev, "--out", tmp_path / "mine", "--space", space, "--jobs", 2)
    return ["train", "classifier", data, *options, "--steps", 4, "--learning-rate", 0.02, *QUICK]


class Faked:
    """Trials that are run at once, in this process: a function of their settings says how good they are."""

    def __init__(self, score: Callable[[dict[str, Any]], float | str | None]) -> None:
        self.score, self.settings, self.seeds = score, list[dict[str, Any]](), list[int]()

    def run_trial(self, job: trials.Job, sender: Any) -> None:
        pairs = dict(pair.split("=") for pair in job.options.set_[len(QUICK) // 2 :])
        self.settings.append(pairs)
        self.seeds.append(job.options.seed)
        score = self.score(pairs)
        if isinstance(score, float):
            job.options.out.mkdir()
            (job.options.out / "settings.json").write_text(json.dumps(pairs))
            sender.send((Score(value=score, higher_is_better=False, text=f"MSE {score:g}"), ""))
        elif score is not None:
            sender.send((None, score))
        sender.close()


class InThisProcess:
    """What `multiprocessing` offers of it, without a process."""

    exitcode = -9

    def __init__(self, target: Any, args: Any, daemon: bool) -> None:
        self.start = lambda: target(*args)
        self.terminate = self.join = lambda: None


@pytest.fixture
def faked(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Faked]:
    context = trials.multiprocessing.get_context("spawn")
    monkeypatch.setattr(type(context), "Process", InThisProcess)

    def fake(score: Callable[[dict[str, Any]], float | str | None]) -> Faked:
        faked_trials = Faked(score)
        monkeypatch.setattr(trials, "run_trial", faked_trials.run_trial)
        return faked_trials

    return fake


def test_the_best_of_some_trainings_is_kept_with_its_settings(
    words: list[object], tmp_path: Path, keepgate
) -> None:
    ran = keepgate(*words, "--tune", 2)
    assert ran.code == 0, ran.err
    assert "Trying 2 settings of a classifier, 2 at a time" in ran.out
    assert "dropout 0 to 0.5" in ran.out.replace("\n", " ")
    lines = [line for line in ran.out.splitlines() if line.startswith("  ") and "of 2: accuracy" in line]
    assert len(lines) == 2
    settings = tomllib.loads((tmp_path / "mine.toml").read_text())
    model = load(tmp_path / "mine")
    assert model.settings.dropout == settings["dropout"]
    assert model.settings.pooling == settings["pooling"]
    assert (settings["steps"], settings["learning_rate"]) == (4, 0.02)
    # What has been a training of its own is in its log; of the models the best alone is there.
    logs = [tmp_path / "mine.training" / "trials" / str(number) / "log.txt" for number in (0, 1)]
    assert all("On --dev: accuracy" in log.read_text() for log in logs)
    assert not list((tmp_path / "mine.training").rglob("weights.safetensors"))
    # The file is what --settings takes, and gives the same model again.
    start = words.index("--space")
    again = [*words[:start], *words[start + 4 :], "--settings", tmp_path / "mine.toml"]
    again[again.index("--out") + 1] = tmp_path / "again"
    assert keepgate(*again, "--threads", 1).code == 0
    assert (tmp_path / "again" / "weights.safetensors").read_bytes() == (
        tmp_path / "mine" / "weights.safetensors"
    ).read_bytes()


def test_the_defaults_come_first_and_the_lowest_loss_wins(
    words: list[object], tmp_path: Path, keepgate, faked
) -> None:
    trials = faked(lambda pairs: abs(float(pairs["dropout"]) - 0.1) + (pairs["pooling"] == "last"))
    assert keepgate(*words, "--tune", 12).code == 0
    assert trials.settings[0] == {"dropout": "0.4", "pooling": "mean+max"}
    best = min(trials.settings, key=trials.score)
    assert json.loads((tmp_path / "mine" / "settings.json").read_text()) == best
    assert tomllib.loads((tmp_path / "mine.toml").read_text())["dropout"] == float(best["dropout"])


def test_a_search_goes_on_where_it_was_stopped(words: list[object], tmp_path: Path, keepgate, faked) -> None:
    def stopped(_: dict[str, Any]) -> float:
        if len(first.settings) == 3:
            raise KeyboardInterrupt
        return 1.0 + len(first.settings)

    first = faked(stopped)
    ran = keepgate(*words, "--tune", 5)
    assert ran.code == 130
    assert "stopped after 2 of 5 trials" in ran.err
    refused = keepgate(*words, "--tune", 5)
    assert refused.code == 2
    assert "--resume" in refused.err
    second = faked(lambda _: 9.0)
    ran = keepgate(*words, "--tune", 5, "--resume")
    assert ran.code == 0
    # What was cut off is tried again, and the best of the first two is still the best.
    assert len(second.settings) == 3
    assert second.settings[0] == first.settings[2]
    assert json.loads((tmp_path / "mine" / "settings.json").read_text()) == first.settings[0]
    better = faked(lambda _: 0.5)
    assert keepgate(*words, "--tune", 6, "--resume").code == 0
    assert json.loads((tmp_path / "mine" / "settings.json").read_text()) == better.settings[0]


def test_a_trial_that_fails_is_told_and_the_others_go_on(
    words: list[object], tmp_path: Path, keepgate, faked
) -> None:
    outcomes = iter(["loss is NaN", None, 2.0])
    faked(lambda _: next(outcomes))
    ran = keepgate(*words, "--tune", 3)
    assert ran.code == 0
    assert "1 of 3: failed: loss is NaN with dropout=0.4" in ran.out
    assert "2 of 3: failed: its process ended with exit code -9" in ran.out
    assert "Best of 1: MSE 2" in ran.out
    words[words.index("--out") + 1] = tmp_path / "other"
    faked(lambda _: "loss is NaN")
    ran = keepgate(*words, "--tune", 2)
    assert ran.code == 2
    assert "none of 2 trials came to its end; the first: loss is NaN" in ran.err
    words[words.index("--out") + 1] = tmp_path / "third"
    faked(lambda _: math.nan)
    ran = keepgate(*words, "--tune", 2)
    assert ran.code == 2
    assert "none of 2 trials came to its end; the first: MSE nan: it has no value on --dev" in ran.err


@pytest.mark.parametrize("place", ["mine/weights.safetensors", "mine.toml"])
def test_what_no_search_wrote_is_not_replaced(
    words: list[object], tmp_path: Path, keepgate, faked, place: str
) -> None:
    faked(lambda _: 1.0)
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text("mine")
    ran = keepgate(*words, "--tune", 1, "--resume")
    assert ran.code == 2
    assert "is there already, and no search of --tune wrote it" in ran.err.replace("\n", " ")
    assert (tmp_path / place).read_text() == "mine"


def test_another_search_in_the_same_place_is_refused(
    words: list[object], tmp_path: Path, keepgate, faked
) -> None:
    faked(lambda _: 1.0)
    assert keepgate(*words, "--tune", 1).code == 0
    space = (tmp_path / "space.toml").read_text()
    (tmp_path / "space.toml").write_text("dropout = [0.1]\n")
    ran = keepgate(*words, "--tune", 2, "--resume")
    assert ran.code == 2
    assert "a search with another space" in ran.err
    (tmp_path / "space.toml").write_text(space)
    wider = [*words, "--tune", 2, "--resume", "--set", "hidden_size=9"]
    assert "another hidden_size: then 6, now 9" in keepgate(*wider).err.replace("\n", " ")
    at = words.index("--steps")
    shorter = [*words[:at], *words[at + 2 :], "--tune", 2, "--resume"]
    assert "another steps: then 4, now not given" in keepgate(*shorter).err.replace("\n", " ")
    (tmp_path / "mine.training" / "study.log").write_text("[1\n{\n")
    ran = keepgate(*words, "--tune", 2, "--resume")
    assert ran.code == 3
    assert "no study of --tune" in ran.err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--tune", 0), "--tune is 0; it must be 1 or more"),
        (("--tune", 2, "--jobs", 0), "--jobs is 0"),
        ((), "--space is for --tune"),
        (("--tune", 2, "--set", "dropout=0", "--set", "pooling=last"), "given already: dropout, pooling"),
    ],
)
def test_wrong_use_is_answered(words: list[object], keepgate, more: tuple[object, ...], message: str) -> None:
    words = [word for word in words if "--jobs" not in more or word not in ("--jobs", 2)]
    ran = keepgate(*words, *more)
    assert ran.code == 2
    assert message in ran.err.replace("\n", " ")


def test_without_dev_and_without_optuna_it_says_what_to_do(
    words: list[object], keepgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = words.index("--dev")
    assert "--tune chooses settings by --dev" in keepgate(*words[:at], *words[at + 2 :], "--tune", 2).err
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert "pip install 'keepgate[tune]'" in keepgate(*words, "--tune", 2).err


def test_under_torchrun_it_is_refused(words: list[object], keepgate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "WORLD_SIZE", "2")
    assert "run it without torchrun" in keepgate(*words, "--tune", 2).err


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"dropuot": [0.1]}, "there is no such setting. The model has dropout"),
        ({"dropout": 0.1}, "dropout is 0.1; write a list of values"),
        ({"dropout": []}, "write a list of values"),
        ({"dropout": {"low": 0.1}}, "write a list of values"),
        ({"dropout": {"low": 0.5, "high": 0.1}}, "low below high"),
        ({"dropout": {"low": 0, "high": 1, "log": True}}, "above 0 where log is true"),
        ({"dropout": {"low": True, "high": 2}}, "must be numbers"),
        ({"pooling": [["last"]]}, "write a list of values"),
        ({}, "there is no setting to try"),
        ({"seed": [0, -1]}, r"seed is \[0, -1\]; a seed is a whole number, 0 or more"),
        ({"seed": ["0", 1]}, "a seed is a whole number"),
        ({"seed": [True, 2]}, "a seed is a whole number"),
        ({"seed": {"low": 0, "high": 1.5}}, "a seed is a whole number"),
    ],
)
def test_a_space_that_is_none_is_refused(table: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        space_from(table, ClassifierSettings, "--space s.toml:")


def test_each_seed_is_tried_once_and_their_mean_and_range_stand_beside_the_best(
    words: list[object], tmp_path: Path, keepgate, faked
) -> None:
    (tmp_path / "space.toml").write_text("seed = [3, 4]\n")
    trials = faked(lambda _: float(len(trials.seeds)))
    ran = keepgate(*words, "--tune", 8)
    assert ran.code == 0, ran.err
    assert trials.seeds == [3, 4]
    assert all(not pairs for pairs in trials.settings)
    text = (tmp_path / "mine.toml").read_text()
    assert "seed" not in tomllib.loads(text), "the file is for --settings, and the seed an option beside it"
    assert "--seed 3" in text
    assert "Best of 2: MSE 1 with seed=3" in ran.out
    assert re.search(r"Over 2 seeds: mean 1\.50*, 1\.?0* to 2\.?0*\.", ran.out), ran.out


def test_every_combination_has_each_seed(words: list[object], tmp_path: Path, keepgate, faked) -> None:
    (tmp_path / "space.toml").write_text(
        "dropout = { low = 0.0, high = 0.5 }\nseed = { low = 5, high = 7 }\n"
    )
    lucky = iter([1.0, 9.0, 9.0, 2.0, 2.0, 2.0])
    trials = faked(lambda _: next(lucky))
    ran = keepgate(*words, "--tune", 6)
    assert ran.code == 0, ran.err
    assert trials.seeds == [5, 6, 7] * 2
    first, second = trials.settings[0], trials.settings[3]
    assert trials.settings == [first] * 3 + [second] * 3
    assert first == {"dropout": "0.4"} != second
    printed = " ".join(ran.out.split())
    assert "Best of 6: MSE 1 with dropout=0.4, seed=5." in printed
    # The best single seed is not of the best settings, which is told.
    assert re.search(r"Over 3 seeds of dropout=0\.4: mean 6\.33", printed), printed
    assert re.search(rf"Over 3 seeds of dropout={second['dropout']}: mean 2", printed)


def test_a_space_of_lists_is_tried_once_and_then_done(
    words: list[object], tmp_path: Path, keepgate, faked
) -> None:
    (tmp_path / "space.toml").write_text('pooling = ["last", "mean+max"]\nseed = [0, 1]\n')
    trials = faked(lambda pairs: 1.0 + (pairs["pooling"] == "last") + trials.seeds[-1])
    ran = keepgate(*words, "--tune", 4)
    assert ran.code == 0, ran.err
    ran = keepgate(*words, "--tune", 12, "--resume")
    assert "Trying all 4 settings of a classifier" in ran.out
    pairs = [(each["pooling"], seed) for each, seed in zip(trials.settings, trials.seeds, strict=True)]
    assert pairs == [("mean+max", 0), ("mean+max", 1), ("last", 0), ("last", 1)]
    assert re.search(r"Over 2 seeds of pooling=mean\+max: mean 1\.50*, 1\.?0* to 2\.?0*\.", ran.out), ran.out
    assert "Over 4 seeds" not in ran.out


def test_a_combination_of_lists_comes_once_whatever_is_drawn(
    words: list[object], tmp_path: Path, keepgate, faked
) -> None:
    (tmp_path / "space.toml").write_text(
        'pooling = ["last", "mean", "mean+max"]\ndropout = [0.1, 0.2, 0.3]\n'
    )
    trials = faked(lambda pairs: float(pairs["dropout"]))
    ran = keepgate(*words, "--tune", 9)
    assert ran.code == 0, ran.err
    assert len({tuple(pairs.items()) for pairs in trials.settings}) == len(trials.settings) == 9
    assert "seeds" not in ran.out


def test_every_task_has_a_space_around_its_defaults() -> None:
    for command in train_commands():
        assert set(command.space) == set(command.kinds)
        for name, table in command.space.items():
            settings_type = KINDS[name].task.settings_type
            space = space_from(table, settings_type, name)
            defaults = vars(recipe(name, 10_000)) | vars(settings_type())
            assert all(defaults[setting] in values for setting, values in space.items()), name
            for setting, values in space.items():
                ends = values.values if isinstance(values, Values) else (values.low, values.high)
                for end in ends if setting in vars(settings_type()) else ():
                    settings_type(**{setting: end})


def test_a_range_of_whole_numbers_draws_whole_numbers() -> None:
    assert Range(2, 5).distribution().to_external_repr(3.0) == 3
    assert 2.5 in Range(0.5, 3)
    assert "last" not in Range(0.5, 3)
