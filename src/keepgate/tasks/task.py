"""What training, files, the lens and the terminal need of a task: a torch module with these methods."""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import torch
from torch import Tensor, nn

from ..data.questions import Question
from ..data.text import Tokens
from ..nn.trace import Trace
from .answer import Answer


class Example(Protocol):
    """One question made ready for the network once; its length, in tokens, decides its bucket."""

    @property
    def length(self) -> int: ...


class Batch(Protocol):
    """Several examples as tensors, in the form that the task's own loss reads."""

    def to(self, device: torch.device | str) -> Self: ...


@runtime_checkable
class Task(Protocol):
    """A network with a head, a loss and a decoder; `kind` names it in files, `settings` rebuild it."""

    kind: ClassVar[str]
    settings_type: ClassVar[type]

    @property
    def settings(self) -> Any:
        """The frozen dataclass, of type `settings_type`, that `from_files` rebuilds this task from."""

    def prepare(self, questions: Sequence[Question], *, training: bool) -> list[Any]:
        """The questions as this task's examples, in order.

        In training, questions that cannot be learnt from (no answer among the choices, or none in the text)
        are left out, so the list may be shorter; otherwise there is one example for each question.
        Raises CorpusError for a question that has no text or asks nothing.
        """

    def collate(self, examples: Sequence[Any]) -> Any:
        """The examples as one batch of padded tensors, time first."""

    def loss(self, batch: Any) -> Tensor:
        """Mean loss over the batch's rows, in nats."""

    def answer(self, questions: Sequence[Question], *, batch_size: int = 64) -> list[Answer]:
        """One answer for each question, in order, without dropout or gradients; the mode stays as it was."""

    def look(self, question: Question) -> tuple[Tokens, Trace]:
        """The tokens that the encoder read, in order, and the trace of its gates and states over them."""

    def vocabulary_json(self) -> dict[str, Any]:
        """All that is not a setting or a weight (tokens, choices), as plain JSON values."""

    @classmethod
    def from_files(cls, settings: Any, vocabulary: Mapping[str, Any]) -> Self:
        """A task of these settings and of what `vocabulary_json` gave, with weights still to be loaded."""

    @classmethod
    def build(cls, questions: Sequence[Question], settings: Any, seed: int) -> Self:
        """A task whose vocabulary is counted in these questions, with fresh weights: the same for the same seed.

        Raises CorpusError if nothing can be learnt from the questions.
        """

    # What every torch module has, so that a Task can be typed as one.
    training: bool

    def parameters(self, recurse: bool = True) -> Iterator[nn.Parameter]: ...
    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, nn.Parameter]]: ...
    def state_dict(self) -> dict[str, Tensor]: ...
    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> Any: ...
    def train(self, mode: bool = True) -> Self: ...
    def eval(self) -> Self: ...


@runtime_checkable
class Crops(Protocol):
    """A task that trains on windows of its examples: `rng` chooses one each time an example comes round."""

    def crop(self, example: Any, rng: random.Random) -> Any: ...
