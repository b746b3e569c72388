"""On an accelerator a training learns what it does on the processor, and goes on from its checkpoints."""

from pathlib import Path

import pytest
import torch

from keepgate.cli.__main__ import main
from keepgate.data.labelled import LabelledText
from keepgate.export import load
from keepgate.tasks.classifier import Classifier, ClassifierSettings
from keepgate.train import Progress, TrainingConfig, fit
from tests.cli.test_classifier import QUICK, write
from tests.train.trainings import PLAIN, texts

DEVICE = "cuda"
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no accelerator here (CUDA)"),
]
CONFIG = TrainingConfig(steps=12, batch_size=7, learning_rate=0.01, checkpoint_every=5, ema_decay=0.9)


class Stopped(Exception):
    pass


def stop(now: Progress) -> None:
    if now.step == 8:
        raise Stopped


def trained(device: str, folder: Path, items: list[LabelledText], **options: object) -> Classifier:
    """In float64, so that nothing but a fault makes a difference that can be seen."""
    task = Classifier.build(items, ClassifierSettings(**PLAIN), seed=0).double().to(device)
    examples = task.prepare(items, training=True)
    fit(task, CONFIG, examples=examples, folder=folder, progress=False, **options)  # type: ignore[arg-type]
    return task


def assert_alike(task: torch.nn.Module, other: torch.nn.Module, tolerance: float) -> None:
    for name, weight in other.state_dict().items():
        torch.testing.assert_close(
            task.state_dict()[name].cpu(), weight.cpu(), rtol=tolerance, atol=tolerance
        )


@pytest.mark.parametrize("goes_on", [DEVICE, "cpu"])
def test_fit_learns_there_what_it_does_here_and_goes_on_on_either(tmp_path: Path, goes_on: str) -> None:
    expected = trained("cpu", tmp_path / "cpu", texts())
    assert_alike(trained(DEVICE, tmp_path / "whole", texts()), expected, 1e-6)
    with pytest.raises(Stopped):
        trained(DEVICE, tmp_path / "parts", texts(), on_step=stop)
    assert_alike(trained(goes_on, tmp_path / "parts", texts(), resume=True), expected, 1e-6)


def test_the_command_learns_there_what_it_does_here_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write(tmp_path / "train.csv")
    options = ("--steps", 12, "--batch-size", 8, "--set", "dropout=0", "--set", "mask_rate=0", *QUICK)
    words = [*map(str, ("train", "classifier", data, "--dev", data, *options)), "--out"]
    assert main([*words, str(tmp_path / "cpu")]) == 0

    def fails(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    there = [*words, str(tmp_path / "there"), "--device", DEVICE]
    with monkeypatch.context() as patch:
        patch.setattr("keepgate.export.save", fails)
        patch.setattr("signal.signal", lambda *_: None)
        assert main(there) == 130
    assert main([*there, "--resume"]) == 0
    assert_alike(load(tmp_path / "there"), load(tmp_path / "cpu"), 1e-3)
