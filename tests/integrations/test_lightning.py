"""Watch as a Lightning callback."""

import csv
import logging

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.loggers import CSVLogger
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from keepgate import SettingsError, TrainingStopped
from keepgate.integrations.lightning import WatchMemory
from keepgate.lens import Watch

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
X, TARGETS = torch.randn(32, 20, 3, generator=torch.Generator().manual_seed(0)), torch.arange(32) % 2


class Module(LightningModule):
    def __init__(self, layer=None, learning_rate=0.1):
        super().__init__()
        self.learning_rate = learning_rate
        torch.manual_seed(0)
        self.lstm = layer or nn.LSTM(3, 8, batch_first=True)
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])

    def training_step(self, batch, _):
        x, targets = batch
        return nn.functional.cross_entropy(self(x), targets)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), self.learning_rate)


def trained(callback, folder, module=None, **options):
    trainer = Trainer(
        max_epochs=2, accelerator="cpu", callbacks=[callback], logger=CSVLogger(folder), log_every_n_steps=1,
        enable_progress_bar=False, enable_model_summary=False, enable_checkpointing=False, **options,
    )  # fmt: skip
    module = module or Module()
    trainer.fit(module, DataLoader(TensorDataset(X, TARGETS), batch_size=4, num_workers=0))
    return trainer, module


pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")


def test_what_watch_measures_is_logged_and_training_is_left_as_it_was(tmp_path):
    callback = WatchMemory(X[:8], TARGETS[:8], every=4)
    trainer, module = trained(callback, tmp_path)
    assert [measurement.step for measurement in callback.watch.measurements] == [4, 8, 12, 16]
    (expected,) = (Watch(module, X[:8], TARGETS[:8], every=4)(16),)
    assert callback.watch.measurements[-1] == expected
    with open(f"{trainer.logger.log_dir}/metrics.csv", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["memory/half_life"]]
    assert [int(row["step"]) for row in rows] == [4, 8, 12, 16]
    assert float(rows[-1]["memory/half_life"]) == pytest.approx(expected.half_life)
    _, unwatched = trained(WatchMemory(X, TARGETS, every=1000), tmp_path / "other")
    for watched, plain in zip(module.parameters(), unwatched.parameters(), strict=True):
        assert torch.equal(watched, plain)


def test_accumulated_gradients_are_measured_once(tmp_path):
    callback = WatchMemory(X[:8], TARGETS[:8], every=2)
    trained(callback, tmp_path, accumulate_grad_batches=2)
    assert [measurement.step for measurement in callback.watch.measurements] == [0, 2, 4, 6, 8]


def test_an_exploding_gradient_stops_the_training(tmp_path):
    layer = nn.RNN(3, 8, batch_first=True)
    with torch.no_grad():
        layer.weight_hh_l0.copy_(3 * torch.eye(8))
        layer.weight_ih_l0.mul_(1e-15)
        layer.bias_ih_l0.zero_()
        layer.bias_hh_l0.zero_()
    with pytest.raises(TrainingStopped, match="the gradient explodes since step"):
        trained(WatchMemory(X[:8], TARGETS[:8], every=1, patience=1), tmp_path, Module(layer, 0.0))


def test_a_model_without_a_recurrent_layer_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="recurrent layer"):
        trained(WatchMemory(X, TARGETS), tmp_path, Module(nn.Identity()))
