"""Streams in lanes: truncated backpropagation with carried states, exactly resumed; and what a training keeps."""

import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from keepgate import GRU
from keepgate.errors import SettingsError, TrainingStopped
from keepgate.train import TrainingConfig, fit
from keepgate.train.batches import LaneBatches
from tests.fake_task import Parity, ParitySettings, rows

STREAM = torch.tensor([random.Random(7).randrange(4) for _ in range(203)])


@dataclass(frozen=True)
class Lanes:
    ids: Tensor

    def to(self, device: torch.device | str) -> "Lanes":
        return Lanes(self.ids.to(device))


class NextToken(nn.Module):
    """The least a language model needs of a task to be trained: collate and loss."""

    kind: ClassVar[str] = "next-token"

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.settings = ParitySettings()
        self.embedding, self.layer, self.readout = nn.Embedding(4, 3), GRU(3, 5), nn.Linear(5, 4)
        self.begun: list[bool] = []

    def vocabulary_json(self) -> dict[str, Any]:
        return {}

    def collate(self, examples: Sequence[Tensor]) -> Lanes:
        return Lanes(torch.stack(list(examples), 1))

    def loss(
        self, batch: Lanes, carry: tuple[Tensor, ...] | None = None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        self.begun.append(carry is None)
        assert carry is None or not carry[0].requires_grad
        output, final = self.layer(self.embedding(batch.ids[:-1]), None if carry is None else carry[0])
        return nn.functional.cross_entropy(self.readout(output).flatten(0, 1), batch.ids[1:].flatten()), (
            final,
        )


CONFIG = TrainingConfig(epochs=3, batch_size=4, bptt_steps=8, learning_rate=0.01, checkpoint_every=5)


def weights(task: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in task.state_dict().items()}


def test_every_lane_is_read_on_from_where_it_was() -> None:
    batches = LaneBatches(CONFIG, STREAM)
    assert (batches.lane, batches.per_epoch, batches.steps) == (50, 6, 18)
    for lane in range(4):
        pieces = [batches.batch(step)[lane] for step in range(6)]
        assert torch.equal(torch.cat([piece[:-1] for piece in pieces]), STREAM[lane * 50 : lane * 50 + 48])
        assert all(piece[-1] == after[0] for piece, after in itertools.pairwise(pieces))
    assert [batches.carries(step) for step in range(8)] == [False, *[True] * 5, False, True]


def test_the_states_are_carried_and_the_loss_is_that_of_the_whole_lane() -> None:
    """Without learning, the mean over the pieces of an epoch is the loss of the lanes read at once."""
    task = NextToken()
    fit(task, replace(CONFIG, epochs=1, learning_rate=1e-30, log_every=100), stream=STREAM, progress=False)
    result = fit(
        task, replace(CONFIG, epochs=1, learning_rate=1e-30, log_every=100), stream=STREAM, progress=False
    )
    assert task.begun == [True, *[False] * 5] * 2
    whole = Lanes(torch.stack([STREAM[lane * 50 : lane * 50 + 49] for lane in range(4)], 1))
    assert result.loss == pytest.approx(task.loss(whole)[0].item(), rel=1e-5)


def test_a_stopped_stream_goes_on_with_the_same_bytes(tmp_path: Path) -> None:
    whole, parts = NextToken(), NextToken()
    fit(whole, CONFIG, stream=STREAM, progress=False)

    def stop(now: Any) -> None:
        if now.step == 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(parts, CONFIG, stream=STREAM, folder=tmp_path, progress=False, on_step=stop)
    again = NextToken(seed=1)
    fit(again, CONFIG, stream=STREAM, folder=tmp_path, resume=True, progress=False)
    assert all(torch.equal(tensor, weights(again)[name]) for name, tensor in weights(whole).items())
    assert again.begun[0] is False


def test_a_stream_that_is_too_short_is_refused() -> None:
    with pytest.raises(SettingsError, match="too short for 4 lanes of 8 steps"):
        fit(NextToken(), CONFIG, stream=STREAM[:35], progress=False)
    with pytest.raises(SettingsError, match="examples and stream given"):
        fit(Parity.build(), CONFIG, examples=rows(3), stream=STREAM, progress=False)


def test_the_best_weights_are_kept_and_resumed(tmp_path: Path) -> None:
    scores = {2: 0.3, 4: 0.9, 6: 0.5, 8: 0.1}
    seen: dict[int, dict[str, Tensor]] = {}
    task, config = Parity.build(), TrainingConfig(steps=8, evaluate_every=2, checkpoint_every=2, keep="best")

    def dev(model: Any) -> dict[str, float]:
        seen[2 * len(seen) + 2] = weights(model)
        return {"accuracy": scores[2 * len(seen)], "other": 1.0}

    result = fit(task, config, examples=rows(20), dev=dev, progress=False)
    assert result.metrics == {"accuracy": 0.9, "other": 1.0}
    assert all(torch.equal(tensor, seen[4][name]) for name, tensor in weights(task).items())

    stopped, again = Parity.build(), Parity.build(seed=1)
    seen.clear()

    def stop(now: Any) -> None:
        if now.step == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(stopped, config, examples=rows(20), dev=dev, folder=tmp_path, progress=False, on_step=stop)
    seen.pop(6, None)
    seen[6] = {}
    fit(again, config, examples=rows(20), dev=dev, folder=tmp_path, progress=False, resume=True)
    assert all(torch.equal(tensor, weights(again)[name]) for name, tensor in weights(task).items())


def test_of_equally_good_evaluations_the_last_is_kept(tmp_path: Path) -> None:
    scores = [math.nan, 1.0, 0.5, 1.0, math.inf, 0.5]
    evaluated: list[dict[str, Tensor]] = []
    task = Parity.build()
    config = TrainingConfig(steps=6, evaluate_every=1, checkpoint_every=1, keep="best", ema_decay=0.9)

    def dev(model: Any) -> dict[str, float]:
        evaluated.append(weights(model))
        return {"accuracy": scores[len(evaluated) - 1], "evaluation": len(evaluated)}

    def stop(now: Any) -> None:
        if now.step == 2:
            raise KeyboardInterrupt

    # The checkpoint after an evaluation that gave NaN can be taken up.
    with pytest.raises(KeyboardInterrupt):
        fit(task, config, examples=rows(20), dev=dev, folder=tmp_path, progress=False, on_step=stop)
    task = Parity.build(seed=1)
    result = fit(task, config, examples=rows(20), dev=dev, folder=tmp_path, progress=False, resume=True)
    assert result.metrics == {"accuracy": 1.0, "evaluation": 4}
    assert all(torch.equal(tensor, evaluated[3][name]) for name, tensor in weights(task).items())
    assert not torch.equal(evaluated[1]["embedding.weight"], evaluated[3]["embedding.weight"])


def test_a_training_that_diverged_is_no_model() -> None:
    with pytest.raises(TrainingStopped, match="has diverged and no model is kept"):
        fit(Parity.build(), TrainingConfig(steps=20, learning_rate=1e9), examples=rows(40), progress=False)
