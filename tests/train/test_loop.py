"""What the loop does with its settings: rates, clipping, the average, stages, crops, threads, figures."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch

from keepgate.data.questions import Question
from keepgate.train import CurriculumStage, Progress, TrainingConfig, fit
from keepgate.train.optimiser import WeightAverage, exponential_share, learning_rate
from tests.fake_task import CroppedParity, Parity, Row, made, rows

DATA = rows(40)


def weights(task: Parity) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in task.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_it_learns_by_heart() -> None:
    data = [Row((digit,)) for digit in range(1, 10)]
    result = fit(
        Parity.build(dropout=0.0),
        TrainingConfig(steps=300, learning_rate=0.03),
        examples=data,
        progress=False,
    )
    assert result.loss < 0.02
    assert result.steps == 300
    assert result.cpu_seconds > 0


def test_the_rate_rises_stays_and_falls() -> None:
    run = TrainingConfig(learning_rate=1.0, warmup=4, hold_fraction=0.5, final_lr_ratio=0.2)
    rates = [learning_rate(run, step, 20) for step in range(20)]
    assert rates[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert rates[10] == 1.0
    assert rates[15] == pytest.approx(0.2 + 0.8 * 0.5)
    assert rates[19] == pytest.approx(0.2 + 0.8 * 0.1)
    half = TrainingConfig(learning_rate=1.0, hold_fraction=0.0, schedule="cosine")
    assert learning_rate(half, 10, 20) == pytest.approx(0.5)
    assert learning_rate(half, 5, 20) == pytest.approx(0.5 + 0.5 * 2**-0.5)
    assert learning_rate(TrainingConfig(learning_rate=0.1, schedule="constant"), 19, 20) == 0.1
    assert all(
        learning_rate(TrainingConfig(schedule=schedule), step, 7) > 0
        for schedule in ("cosine", "constant-linear")
        for step in range(7)
    )


def test_each_step_takes_the_rate_of_its_place() -> None:
    seen: list[Progress] = []
    run = TrainingConfig(steps=10, learning_rate=0.1)
    fit(Parity.build(), run, examples=DATA, progress=False, on_step=seen.append)
    assert [now.learning_rate for now in seen] == [learning_rate(run, step, 10) for step in range(10)]
    assert [now.step for now in seen] == list(range(1, 11))
    assert all(now.steps == 10 for now in seen)


def test_gradients_are_clipped_together() -> None:
    # Adam hides the length of a gradient, so the test looks at what it was given.
    norms: list[float] = []
    task = Parity.build()

    def on_step(now: Progress) -> None:
        norms.append(float(torch.nn.utils.get_total_norm([weight.grad for weight in task.parameters()])))

    fit(task, TrainingConfig(steps=5, max_grad_norm=1e-3), examples=DATA, progress=False, on_step=on_step)
    assert norms == pytest.approx([1e-3] * 5, rel=1e-3)
    norms.clear()
    fit(task, TrainingConfig(steps=5, max_grad_norm=None), examples=DATA, progress=False, on_step=on_step)
    assert min(norms) > 1e-3


def test_the_average_is_what_is_evaluated_and_kept() -> None:
    task, by_hand = Parity.build(), None
    evaluated: list[dict[str, torch.Tensor]] = []

    def on_step(now: Progress) -> None:
        nonlocal by_hand
        decay = min(0.8, now.step / (9 + now.step))
        for name, weight in task.named_parameters():
            by_hand[name] = decay * by_hand[name] + (1 - decay) * weight.detach()

    by_hand = {name: weight.detach().clone() for name, weight in task.named_parameters()}

    def dev(task: Any) -> dict[str, float]:
        assert not task.training
        evaluated.append(weights(task))
        return {}

    fit(
        task,
        TrainingConfig(steps=50, ema_decay=0.8, evaluate_every=25),
        examples=DATA,
        dev=dev,
        progress=False,
        on_step=on_step,
    )
    for name, weight in task.named_parameters():
        torch.testing.assert_close(weight.detach(), by_hand[name])
    assert same(evaluated[-1], weights(task))
    assert len(evaluated) == 2
    assert not task.training


def test_averaged_sgd_is_plain_steps_and_the_mean_of_the_last() -> None:
    task, after = Parity.build(), []

    def on_step(_: Progress) -> None:
        for name, weight in task.named_parameters():
            by_hand[name] = by_hand[name] - 0.5 * weight.grad
            torch.testing.assert_close(weight.detach(), by_hand[name])
        after.append(weights(task))

    by_hand = {name: weight.detach().clone() for name, weight in task.named_parameters()}
    config = TrainingConfig(
        steps=12,
        optimiser="sgd",
        learning_rate=0.5,
        average_from=0.7,
        max_grad_norm=None,
        schedule="constant",
    )
    fit(task, config, examples=DATA, progress=False, on_step=on_step)
    # 0.7 of 12 steps: those from number 8 on, counted from 0.
    for name in by_hand:
        mean = torch.stack([each[name] for each in after[8:]]).mean(0)
        torch.testing.assert_close(weights(task)[name], mean)


def test_the_average_follows_whole_numbers() -> None:
    average = WeightAverage({"seen": torch.tensor(0)}, exponential_share(0.9))
    average.update({"seen": torch.tensor(7)}, 100)
    assert average.weights["seen"] == 7


def test_matrices_decay_and_biases_do_not() -> None:
    class Idle(Parity):
        def loss(self, batch: Any, carry: Any = None) -> tuple[torch.Tensor, None]:
            return super().loss(batch)[0] * 0, None

    task = Idle.build()
    before = weights(task)
    fit(
        task,
        TrainingConfig(steps=1, optimiser="adamw", weight_decay=0.1, learning_rate=0.1),
        examples=DATA,
        progress=False,
    )
    torch.testing.assert_close(task.head.weight.detach(), before["head.weight"] * 0.99)
    assert torch.equal(task.head.bias, before["head.bias"])


def test_every_example_comes_once_an_epoch_in_another_order() -> None:
    seen: list[list[Row]] = []

    class Watched(Parity):
        def collate(self, examples: Any) -> Any:
            seen.append(list(examples))
            return super().collate(examples)

    fit(Watched.build(), TrainingConfig(epochs=2, batch_size=16), examples=DATA, progress=False)
    first, second = ([row for batch in seen[at : at + 3] for row in batch] for at in (0, 3))
    assert len(seen) == 6
    assert sorted(row.numbers for row in first) == sorted(row.numbers for row in DATA)
    assert sorted(row.numbers for row in second) == sorted(row.numbers for row in DATA)
    assert first != second


def test_examples_are_cropped_until_told_otherwise() -> None:
    longest: list[int] = []

    class Watched(CroppedParity):
        def collate(self, examples: Any) -> Any:
            longest.append(max(row.length for row in examples))
            return super().collate(examples)

    run = TrainingConfig(epochs=4, batch_size=40, crop_until=0.5)
    fit(Watched.build(), run, examples=DATA, progress=False)
    assert longest == [4, 4, 9, 9]


def test_stages_follow_each_other_with_new_seeds() -> None:
    calls: list[tuple[str, int, int]] = []

    def stage(steps: int, name: str) -> CurriculumStage:
        def make(step: int, seed: int) -> list[Row]:
            calls.append((name, step, seed))
            return made(step, seed)

        return CurriculumStage(steps, make, name)

    names: list[str] = []
    stages = [stage(2, "22 characters"), stage(0, "none"), stage(3, "100 characters")]
    fit(
        Parity.build(),
        TrainingConfig(),
        stages=stages,
        progress=False,
        on_step=lambda now: names.append(now.name),
    )
    assert [(name, step) for name, step, _ in calls] == [
        ("22 characters", 0),
        ("22 characters", 1),
        ("100 characters", 2),
        ("100 characters", 3),
        ("100 characters", 4),
    ]
    assert names == [name for name, _, _ in calls]
    assert len({seed for _, _, seed in calls}) == 5


def test_the_seed_decides_everything() -> None:
    def trained(seed: int, noise: int) -> dict[str, torch.Tensor]:
        torch.manual_seed(noise), random.seed(noise)
        task = Parity.build()
        fit(task, TrainingConfig(steps=5, seed=seed), examples=DATA, progress=False)
        return weights(task)

    assert same(trained(1, 10), trained(1, 11))
    assert not same(trained(1, 10), trained(2, 10))


def test_bfloat16_is_used_when_asked() -> None:
    seen: set[torch.dtype] = set()

    class Watched(Parity):
        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            out = super().forward(ids)
            seen.add(out.dtype)
            return out

    task = Watched.build()
    fit(task, TrainingConfig(steps=2, autocast="bfloat16"), examples=DATA, progress=False)
    assert seen == {torch.bfloat16}
    assert task.head.weight.dtype == torch.float32


def test_threads_are_as_asked_and_then_as_they_were() -> None:
    seen: set[int] = set()
    before = torch.get_num_threads()
    fit(
        Parity.build(),
        TrainingConfig(steps=1, threads=before + 1),
        examples=DATA,
        progress=False,
        on_step=lambda _: seen.add(torch.get_num_threads()),
    )
    assert seen == {before + 1}
    assert torch.get_num_threads() == before


def test_questions_are_answered_and_scored() -> None:
    questions = [
        Question(text="11", question="sum?", answers=("even",)),
        Question(text="12", question="sum?", answers=("odd",)),
    ]
    task = Parity.build(dropout=0.0)
    data = task.prepare(questions, training=True)
    result = fit(
        task, TrainingConfig(steps=150, learning_rate=0.03), examples=data, dev=questions, progress=False
    )
    assert result.metrics.pop("calibration_error") < 0.5
    assert result.metrics == {"exact": 1.0, "f1_substring": 1.0, "f1_bag": 1.0}


def test_metrics_are_json_lines(tmp_path: Path) -> None:
    run = TrainingConfig(steps=12, log_every=5, evaluate_every=6)
    result = fit(
        Parity.build(), run, examples=DATA, dev=lambda _: {"exact": 0.5}, folder=tmp_path, progress=False
    )
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert lines == result.history
    assert [(line["step"], "loss" in line, line.get("metrics")) for line in lines] == [
        (5, True, None),
        (6, False, {"exact": 0.5}),
        (10, True, None),
        (12, True, None),
        (12, False, {"exact": 0.5}),
    ]
    assert all(line["seconds"] >= 0 and line["cpu_seconds"] >= 0 for line in lines)
