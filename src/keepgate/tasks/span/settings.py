"""What a span reader is built from."""

from dataclasses import dataclass

from ...errors import SettingsError
from ..settings import check


@dataclass(frozen=True, kw_only=True)
class SpanReaderSettings:
    """A reader that answers with a piece of the text. The defaults are what `bench/cmrc2018.py` measures.

    embedding_size, pair_size: numbers for a word and for a pair of neighbouring words; `most_pairs` pairs have them.
    hidden_size: units of each direction of each of the three recurrent layers.
    dropout: share of embeddings and states dropped in training, one mask for all steps.
    hide: share of the text's words that are hidden in training; `guess` is the weight of the loss of guessing them.
    window: tokens of a text that are seen at once in training; answers are given from whole texts.
    longest: tokens of the longest answer that is learnt from; `longest_answer` of the longest that is given.
    overlap: 0 answers with the span most likely to be exactly right, 1 with the one that is expected to overlap the
        right one most (F1), and what lies between weighs both.
    Raises SettingsError for a value outside these.
    """

    embedding_size: int = 128
    pair_size: int = 64
    most_pairs: int = 40_000
    hidden_size: int = 128
    dropout: float = 0.3
    hide: float = 0.12
    guess: float = 0.3
    window: int = 192
    longest: int = 40
    longest_answer: int = 30
    overlap: float = 0.5

    def __post_init__(self) -> None:
        check(self)
        for name in (
            "embedding_size",
            "pair_size",
            "most_pairs",
            "hidden_size",
            "window",
            "longest",
            "longest_answer",
        ):
            if getattr(self, name) < 1:
                raise SettingsError(f"{name} is {getattr(self, name)}; it must be 1 or more")
        for name in ("dropout", "hide"):
            if not 0 <= getattr(self, name) < 1:
                raise SettingsError(f"{name} is {getattr(self, name)}; it must be 0 or more and below 1")
        if self.guess < 0:
            raise SettingsError(f"guess is {self.guess}; it must be 0 or more")
        if not 0 <= self.overlap <= 1:
            raise SettingsError(f"overlap is {self.overlap}; it must be 0 to 1")
        if not self.longest_answer <= self.longest <= self.window:
            raise SettingsError(
                f"longest_answer is {self.longest_answer}, longest {self.longest} and window {self.window} tokens; "
                "none may be more than the next"
            )
