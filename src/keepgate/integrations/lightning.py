"""WatchMemory: a Lightning callback that follows a layer's gradient and half-life while a model trains."""

from dataclasses import asdict
from typing import Any

from ..errors import PackageMissing
from ..lens import Watch

try:
    from lightning.pytorch import Callback, LightningModule, Trainer
    from lightning.pytorch.utilities import move_data_to_device
except ModuleNotFoundError as missing:
    raise PackageMissing(
        f"keepgate.integrations.lightning needs {missing.name}, which is not installed; run: "
        "pip install 'keepgate[lightning]'",
        name=missing.name,
    ) from missing


class WatchMemory(Callback):
    """`keepgate.lens.Watch` as a Lightning callback.

        Trainer(callbacks=[WatchMemory(x, targets, every=50)])

    Logs `memory/vanishing_lag`, `memory/decay`, `memory/furthest` and `memory/half_life`, as `Watch` measures them, to
    the trainer's loggers (TensorBoard, CSV, …). The training ends with TrainingStopped when the gradient explodes.

    x, targets: one batch, as the model's `forward` and the loss take them. options: of `Watch`.
    """

    def __init__(self, x: Any, targets: Any, **options: Any) -> None:
        self._batch, self._options = (x, targets), options
        self.watch: Watch | None = None

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Finds the layer. Raises SettingsError as `Watch` does."""
        x, targets = (move_data_to_device(part, pl_module.device) for part in self._batch)
        self.watch = Watch(pl_module, x, targets, **self._options)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Measures at every so many steps of the optimiser and logs what was measured."""
        step = trainer.global_step
        if self.watch is None or (self.watch.measurements and self.watch.measurements[-1].step == step):
            return  # gradients are accumulated: the weights have not moved
        measurement = self.watch(step)
        if measurement is None:
            return
        numbers = {f"memory/{name}": value for name, value in asdict(measurement).items() if name != "step"}
        for logger in trainer.loggers:
            logger.log_metrics(
                {name: value for name, value in numbers.items() if value is not None}, step=step
            )
