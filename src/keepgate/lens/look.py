"""look: one question as a model read it, with all that a person wants to see of it, as numbers that show themselves."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from ..data.questions import Question
from ..data.text import Tokens
from ..equations.analysis import is_gate
from ..errors import CorpusError, SettingsError, nearest_first
from ..nn.trace import LayerTrace
from ..tasks.answer import Answer
from ..tasks.task import Task
from .brief import brief
from .carriers import Carrier
from .choices import ChoiceHead
from .fate import Fate, fate
from .life import half_lives
from .pieces import Piece, search, sentences
from .reading import Reading, read
from .sensitivity import sensitivity

if TYPE_CHECKING:
    from .pictures import Figure

Language = Literal["en", "zh-TW"]
LANGUAGES: tuple[Language, ...] = ("en", "zh-TW")


@dataclass(frozen=True, kw_only=True, eq=False)
class Pass:
    """The last layer in one direction of reading.

    reverse:    whether it reads the last token first. gates: each one's mean over the units at each token, 0 to 1, the
                one that keeps first; none in a plain RNN. keeps: that one's name; None without gates.
    half_lives: of each unit's memory, in tokens; empty for a plain RNN.
    fate:       what became of the write that matters most; None for a plain RNN.
    """

    reverse: bool
    gates: dict[str, Float[Tensor, " tokens"]]
    keeps: str | None
    half_lives: Float[Tensor, " units"]
    fate: Fate | None

    __repr__ = brief


@dataclass(frozen=True, kw_only=True, eq=False)
class Look:
    """One question as a model read it, taken apart. It shows itself in a notebook, and saves itself to a file.

    tokens:      what was read, in order. asked_from: the number of the first that is the question's.
    cell, units: of the last layer, one direction; layers: how many there are below and with it.
    sentences:   those without which the answer's probability falls most first: proven by leaving each out whole.
    carriers:    the tokens likewise, each left out by itself. Both are empty for a plain RNN, which writes no sum.
    sensitivity: how much what speaks for the answer would change with the states after each token: |d margin / d h|.
    attention:   with which weight the answer reads each token's state; None where it reads the last state alone.
    language:    in which it shows itself: "en" or "zh-TW".
    """

    question: Question
    answer: Answer
    tokens: Tokens
    asked_from: int
    cell: str
    units: int
    layers: int
    passes: tuple[Pass, ...]
    sentence_ranges: tuple[tuple[int, int], ...]
    sentences: tuple[Piece, ...]
    carriers: tuple[Carrier, ...]
    sensitivity: Float[Tensor, " tokens"]
    attention: Float[Tensor, " tokens"] | None
    language: Language = "en"

    @property
    def gated(self) -> bool:
        """Whether the memory is a sum of writes that can be taken apart."""
        return bool(self.carriers)

    def figure(self, name: str, *, language: Language | None = None) -> "Figure":
        """One figure for a paper, as SVG: "gates", "carriers", "erased", "half_life" or "gradient".

        Raises SettingsError for an unknown name, and for a figure that a plain RNN, without gates, cannot have.
        """
        from .pictures import figure_of_look

        return figure_of_look(self, name, language or self.language)

    def html(self, *, language: Language | None = None) -> str:
        """A whole page that needs no network: in one language, or, with None, in both and with a switch."""
        from .pictures import page

        return page(self, language)

    def json(self) -> str:
        """All its numbers as one JSON object."""
        from .look_files import as_json

        return as_json(self)

    def save(self, path: str | Path, *, language: Language | None = None) -> Path:
        """The path, written whole or not at all: .html (see `html`), or the numbers as .json, .npz or .arrow.

        Arrow needs pyarrow. Raises SettingsError for another ending or without pyarrow, OSError as writing does.
        """
        from .look_files import save

        return save(self, path, language)

    def _repr_html_(self) -> str:
        from .pictures import fragment

        return fragment(self, self.language)

    def __str__(self) -> str:
        from .pictures import summary

        return summary(self, self.language)

    def __repr__(self) -> str:
        return f"<Look at {len(self.tokens):,} tokens: {self.answer.text!r}, {self.answer.probability:.3f}>"


def look(model: Task, text: str, question: str, *, language: Language = "en") -> Look:
    """One question about a text as a reader of ours reads it, taken apart: what carries the answer, what was erased.

    In a notebook it shows itself; `.save("look.html")` writes one file without network, `.figure("carriers")` gives one
    figure, `.json()` the numbers.

        keepgate.lens.look(model, "魯夫說他想成為海賊王。", "是誰想要成為海賊王?")

    Raises CorpusError for an empty text or question, CellError for a model without memory, SettingsError for an unknown
    language. Without gradients or dropout.
    """
    refuse_unknown(language)
    for given, what in ((text, "text"), (question, "question")):
        if not isinstance(given, str):
            raise CorpusError(f"the {what} is {type(given).__name__}; give a string")
        if not given.strip():
            raise CorpusError(f"the {what} is empty; give one with something in it")
    reading = read(model, Question(text=text, question=question))
    last = reading.trace.layers[-reading.seen.layer.directions :]
    carried = bool(last[0].cell.additive)
    found = search(reading) if carried else ((), ())
    matters = found[1][0].step if carried else None
    return Look(
        question=reading.question, answer=reading.answer, tokens=reading.tokens, asked_from=reading.asked_from,
        cell=last[0].cell.name, units=reading.seen.layer.hidden_size, layers=reading.seen.layer.num_layers,
        passes=tuple(_pass(part, matters) for part in last), sentence_ranges=tuple(sentences(reading)),
        sentences=found[0], carriers=found[1], sensitivity=sensitivity(reading).cpu(), attention=_attention(reading),
        language=language,
    )  # fmt: skip


def refuse_unknown(language: str) -> None:
    """Raises SettingsError for a language that a look does not speak."""
    if language not in LANGUAGES:
        raise SettingsError(
            f"language is {language!r}; choose one of {', '.join(nearest_first(language, LANGUAGES))}"
        )


def _pass(part: LayerTrace, matters: int | None) -> Pass:
    cell = part.cell
    names = [name for name, node in cell.graph.traced.items() if is_gate(node)]
    gates = {
        name: part[name][:, 0].double().mean(1).cpu()
        for name in sorted(names, key=lambda name: (name != cell.retain_gate, name))
    }
    return Pass(
        reverse=part.reverse, gates=gates, keeps=cell.retain_gate,
        half_lives=half_lives(part)[0].double().cpu() if matters is not None else torch.zeros(0, dtype=torch.float64),
        fate=None if matters is None else _here(fate(part, matters)),
    )  # fmt: skip


def _here(found: Fate) -> Fate:
    """The same on the processor, whatever the model ran on."""
    return replace(found, left=found.left.cpu(), erased=found.erased.cpu())


@torch.no_grad()
def _attention(reading: Reading) -> Tensor | None:
    head = reading.head
    if not isinstance(head, ChoiceHead) or head.task.attention is None:
        return None
    return head.weights()[:, 0].double().cpu()
