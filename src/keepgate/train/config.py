"""TrainingConfig: the frozen dataclass that says how a network is trained; the schema of the command's options."""

from dataclasses import dataclass
from typing import Literal

from ..config import check, require
from ..errors import SettingsError

Schedule = Literal["constant-linear", "cosine", "constant"]
Optimiser = Literal["adam", "adamw", "sgd"]


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """One training, all but the task and its data. The defaults are the recipe of the stories.

    steps, epochs: how long; one of them with a list of examples or a stream, neither with a curriculum, which says it.
    batch_size: examples in a batch, or lanes of a stream; a curriculum makes batches of a size of its own.
    bptt_steps: steps of a stream between two cuts of the gradient (truncated backpropagation through time).
    learning_rate: the highest rate. `warmup` steps lead up to it; it stays until `hold_fraction` of all steps and then
        falls to `final_lr_ratio` of itself, as a line ("constant-linear") or half a cosine ("cosine"), or never.
    optimiser: "adam", "adamw", or "sgd" without momentum. betas: of Adam. weight_decay: of matrices; "adam" takes none.
    max_grad_norm: all gradients together are scaled down to this length; None leaves them.
    ema_decay: decay a step of the exponential moving average of the weights, which is then what is evaluated and kept;
        None: none.
    average_from: share of the steps after which the weights of every step are averaged, all alike, in its place (with
        "sgd" averaged SGD: Polyak & Juditsky 1992; Merity et al. 2018, arXiv:1708.02182). None: none.
    keep: "last" keeps the weights after the last step, "best" those of the evaluation with the best first metric; of
        several that are equally good, of the last.
    crop_until: share of the steps during which a task that can crop its examples does; an epoch that starts
        later sees them whole.
    seed: decides order, dropout and crops; two trainings alike in settings, task and data end with the same bytes.
    autocast: "bfloat16" multiplies matrices in it where torch finds that safe.
    log_every, evaluate_every, checkpoint_every: steps; None evaluates only at the end. With keep="last" the weights do
        not depend on them.
    threads: processor threads; None leaves torch's number.
    Raises SettingsError for a value that makes no sense, alone or beside another.
    """

    steps: int | None = None
    epochs: int | None = None
    batch_size: int = 64
    bptt_steps: int = 64
    learning_rate: float = 3e-3
    schedule: Schedule = "constant-linear"
    warmup: int = 0
    hold_fraction: float = 0.6
    final_lr_ratio: float = 0.0
    optimiser: Optimiser = "adam"
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    max_grad_norm: float | None = 1.0
    ema_decay: float | None = None
    average_from: float | None = None
    keep: Literal["last", "best"] = "last"
    crop_until: float = 1.0
    seed: int = 0
    autocast: Literal["bfloat16"] | None = None
    log_every: int = 50
    evaluate_every: int | None = None
    checkpoint_every: int = 200
    threads: int | None = None

    def __post_init__(self) -> None:
        check(self)
        lengths = ("steps", "epochs", "batch_size", "bptt_steps")
        intervals = ("log_every", "evaluate_every", "checkpoint_every", "threads")
        require(self, (*lengths, *intervals), lambda value: value >= 1, "1 or more")
        require(self, ("warmup", "weight_decay", "seed"), lambda value: value >= 0, "0 or more")
        require(self, ("learning_rate", "max_grad_norm"), lambda value: value > 0, "above 0")
        require(
            self, ("hold_fraction", "final_lr_ratio", "crop_until"), lambda value: 0 <= value <= 1, "0 to 1"
        )
        require(self, ("ema_decay", "average_from"), lambda value: 0 <= value < 1, "0 or more and below 1")
        require(self, ("betas",), lambda pair: all(0 <= beta < 1 for beta in pair), "0 or more and below 1")
        if self.steps is not None and self.epochs is not None:
            raise SettingsError(f"steps is {self.steps} and epochs is {self.epochs}; give one of them")
        if self.ema_decay is not None and self.average_from is not None:
            raise SettingsError(
                f"ema_decay is {self.ema_decay} and average_from is {self.average_from}; give one kind of average"
            )
        if self.weight_decay and self.optimiser == "adam":
            raise SettingsError(
                f'weight_decay is {self.weight_decay}, and "adam" takes none; use optimiser="adamw"'
            )

    def steps_for(self, batches_per_epoch: int) -> int:
        """All steps, given the batches of one epoch. Raises SettingsError if neither steps nor epochs is given."""
        if self.steps is None and self.epochs is None:
            raise SettingsError("neither steps nor epochs is given; say how long to train")
        return self.steps if self.steps is not None else (self.epochs or 0) * batches_per_epoch
