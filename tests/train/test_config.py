"""A run says what is wrong with it before anything is trained."""

from typing import Any

import pytest

from keepgate.errors import SettingsError
from keepgate.train import CurriculumStage, TrainingConfig, fit
from tests.fake_task import Parity, made, rows


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"steps": 0}, "steps is 0; it must be 1 or more"),
        ({"steps": 2.5}, "steps is 2.5; it must be a whole number"),
        ({"steps": 5, "epochs": 2}, "steps is 5 and epochs is 2; give one of them"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0; it must be above 0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan; it must be a finite number"),
        ({"schedule": "linear"}, "schedule is 'linear'; it must be one of"),
        ({"optimiser": "adagrad"}, "optimiser is 'adagrad'; it must be one of"),
        ({"hold_fraction": 1.5}, "hold_fraction is 1.5; it must be 0 to 1"),
        ({"warmup": -1}, "warmup is -1; it must be 0 or more"),
        ({"ema_decay": 1.0}, "ema_decay is 1.0; it must be 0 or more and below 1"),
        ({"average_from": 1.0}, "average_from is 1.0; it must be 0 or more and below 1"),
        ({"average_from": 0.5, "ema_decay": 0.9}, "ema_decay is 0.9 and average_from is 0.5; give one kind"),
        ({"betas": (0.9, 1.0)}, r"betas is \(0.9, 1.0\)"),
        ({"max_grad_norm": -1.0}, "max_grad_norm is -1.0; it must be above 0"),
        ({"weight_decay": 0.1}, 'weight_decay is 0.1, and "adam" takes none'),
        ({"autocast": "float16"}, "autocast is 'float16'"),
        ({"threads": 0}, "threads is 0"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_a_value_that_makes_no_sense(given: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        TrainingConfig(**given)


@pytest.mark.parametrize(
    ("run", "given", "message"),
    [
        (TrainingConfig(steps=1), {}, "nothing given to train on"),
        (
            TrainingConfig(steps=1),
            {"examples": rows(3), "stages": [CurriculumStage(1, made)]},
            "examples and stages given to train on",
        ),
        (TrainingConfig(steps=1), {"examples": []}, "no examples to train on"),
        (TrainingConfig(), {"examples": rows(3)}, "neither steps nor epochs is given"),
        (TrainingConfig(steps=1, keep="best"), {"examples": rows(3)}, 'keep is "best" and no dev is given'),
        (TrainingConfig(), {"stages": []}, "at least one step"),
        (
            TrainingConfig(),
            {"stages": [CurriculumStage(-1, made), CurriculumStage(3, made)]},
            "at least one step",
        ),
        (
            TrainingConfig(epochs=2),
            {"stages": [CurriculumStage(3, made)]},
            "3 steps together, and the configuration asks for 2 epochs",
        ),
        (
            TrainingConfig(steps=4),
            {"stages": [CurriculumStage(3, made)]},
            "3 steps together, and the configuration asks for 4 steps",
        ),
        (
            TrainingConfig(),
            {"stages": [CurriculumStage(3, lambda *_: [], "none")]},
            "'none' made no examples for step 0",
        ),
        (TrainingConfig(steps=1), {"examples": rows(3), "dev": []}, "no questions to evaluate on"),
    ],
)
def test_arguments_that_do_not_go_together(run: TrainingConfig, given: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        fit(Parity.build(), run, progress=False, **given)
