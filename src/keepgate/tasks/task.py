"""Task: a torch module as training, files, measuring and the lens need it, one protocol for each of them."""

import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..data.token_file import TokenFile
from ..data.vocabulary import Vocabulary
from .answer import Answer
from .measure import Measured
from .probe import Probed

# Recurrent states that go on from one batch to the next, without their history.
Carry = tuple[Tensor, ...]


class Batch(Protocol):
    """Several examples as tensors, in the form that the task's own loss reads."""

    def to(self, device: torch.device | str) -> Self: ...


class Module(Protocol):
    """What every torch module has, so that a task can be typed as one."""

    training: bool

    def modules(self) -> Iterator[nn.Module]: ...
    def parameters(self, recurse: bool = True) -> Iterator[nn.Parameter]: ...
    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, nn.Parameter]]: ...
    def get_submodule(self, target: str) -> nn.Module: ...
    def state_dict(self) -> dict[str, Tensor]: ...
    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> Any: ...
    def to(self, device: torch.device | str) -> Any: ...
    def train(self, mode: bool = True) -> Self: ...
    def eval(self) -> Self: ...


@runtime_checkable
class Trainable(Module, Protocol):
    """What `keepgate.train` needs."""

    def collate(self, examples: Sequence[Any]) -> Any:
        """The examples as one batch of padded tensors, time first."""

    def loss(self, batch: Any, carry: Carry | None = None) -> tuple[Tensor, Carry | None]:
        """Mean loss over the batch, in nats, and the states after it; None for a task that carries none on.

        carry: the states after the batch before, where this one goes on from it (truncated backpropagation through
            time); None where it begins afresh.
        """


@runtime_checkable
class Stored(Module, Protocol):
    """What `keepgate.export` needs: `kind` names the task in files, `settings` rebuild it."""

    kind: ClassVar[str]
    settings_type: ClassVar[type]

    @property
    def settings(self) -> Any:
        """The frozen dataclass, of type `settings_type`, that `from_files` rebuilds this task from."""

    def vocabulary_json(self) -> dict[str, Any]:
        """All that is not a setting or a weight (tokens, choices), as plain JSON values."""

    @classmethod
    def from_files(cls, settings: Any, vocabulary: Mapping[str, Any]) -> Self:
        """A task of these settings and of what `vocabulary_json` gave, with weights still to be loaded."""


@runtime_checkable
class Calibrated(Protocol):
    """A task whose threshold, or temperature of the probabilities, is chosen on a dev set, after the training."""

    def calibrate(self, items: Sequence[Any]) -> str:
        """Chooses what does best on these items, and says which and how well, "" where there is nothing to choose."""


@runtime_checkable
class Task(Trainable, Stored, Measured, Probed, Protocol):
    """All of them, and the way from items (questions, labelled texts) to examples."""

    @property
    def vocabulary(self) -> Vocabulary | None:
        """The tokens that it can tell from each other; None for a task that reads no text."""

    @classmethod
    def build(cls, items: Sequence[Any], settings: Any, seed: int) -> Self:
        """A task whose vocabulary is counted in these items, with fresh weights: the same for the same seed.

        Raises CorpusError if nothing can be learnt from the items.
        """

    def prepare(self, items: Sequence[Any], *, training: bool) -> Sequence[Any]:
        """The items as this task's examples, in order.

        In training, those that cannot be learnt from (see `unlearnable`) are left out, so they may be fewer;
        otherwise there is one example for each. Raises CorpusError for an item in which there is nothing to read.
        """

    def item(self, text: str, question: str | None = None) -> Any:
        """What is read of a text, and what is asked about it, as one item.

        Raises SettingsError for a question that is missing, or given to a task that is asked none.
        """

    def predict(self, items: Sequence[Any], *, batch_size: int = 64) -> list[Answer]:
        """One answer or label for each item, in order, without dropout or gradients; the mode stays as it was.

        Raises CorpusError for an item in which there is nothing to read, BundleError if the scores are not finite.
        """

    def unlearnable(self, example: Any) -> str | None:
        """Why nothing can be learnt from this example ("the answer is not in the text"); None if it can."""


@runtime_checkable
class Crops(Protocol):
    """A task that trains on windows of its examples: `rng` chooses one each time an example comes round."""

    def crop(self, example: Any, rng: random.Random) -> Any: ...


@runtime_checkable
class Chooses(Protocol):
    """A task whose answers, tags or labels are some of a list."""

    labels: tuple[str, ...]

    def right_of(self, item: Any) -> Sequence[str]:
        """The answers, tags or labels that count as right of an item, whether or not they are in the list."""


@runtime_checkable
class Weighted(Protocol):
    """A task whose loss is no mean over the rows of a batch, but over what is in them."""

    def loss_weight(self, batch: Any) -> int:
        """Over how many values or tokens the loss of a batch is the mean."""


@runtime_checkable
class OnDemand(Protocol):
    """Examples that are made when they are asked for.

    lengths: one for all, or that of each. block: None, or of what stays in a file, so many neighbours are read
    together, for which the others' order is kept. sha256: tells this data from others.
    """

    lengths: "int | NDArray[np.int32]"
    block: int | None

    @property
    def sha256(self) -> str: ...


@runtime_checkable
class Streams(Protocol):
    """A task that trains on its texts as one stream in lanes, with the states carried on from batch to batch."""

    def stream(self, items: Sequence[Any], file: Path | None = None) -> Tensor | TokenFile:
        """All that the items hold, as numbers in order; in the file if there are too many for memory."""

    def excerpt(self, items: Sequence[Any], characters: int) -> list[Any]:
        """The beginning of the items, so many characters at most."""
