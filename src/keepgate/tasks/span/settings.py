"""SpanReaderSettings: the hyperparameters of a span reader."""

from dataclasses import dataclass

from ...config import check, require
from ...errors import SettingsError
from ..encoder_settings import check_cell

# What no setting changes of the network.
ALIGN = 128  # numbers in which words and states are compared
PAIR = 48  # numbers in which a start and an end are compared
SCALE = 8.0  # what products of relus and of states are divided by, so that softmaxes start soft
BLOCK = 256  # starts whose products with ends are computed at once
NEVER = -1e4  # the score of what cannot be; finite, so that bfloat16 and log-softmax stay so


@dataclass(frozen=True, kw_only=True)
class SpanReaderSettings:
    """Hyperparameters of a reader that answers with a span. The defaults are what `bench/cmrc2018.py` measures.

    embedding_size, pair_size: numbers for a word and for a pair of neighbouring words; `most_pairs` pairs have them.
    letter_size: numbers for a letter, and units in each direction of the layer that reads a word's letters, for words
        that were never met; 0 leaves letters out.
    cell: of the three recurrent layers, by keepgate's name or by the one that `cells.register` gave. hidden_size: units
        of each of their directions.
    dropout: share of embeddings and states dropped in training, one mask for all steps.
    mask_rate, mlm_weight: share of the text's words that are masked in training, and the weight of the loss of
        predicting them (masked language modelling: Devlin et al. 2019, arXiv:1810.04805).
    window: tokens of a text that are seen at once in training.
    read_window, read_overlap: answers are given from texts of so many tokens whole; a longer one is read in windows of
        this size, each of which shares so many tokens with the next, twice `max_answer_span` or more.
    max_train_span, max_answer_span: tokens of the longest answer that is learnt from, and of the longest given.
    f1_weight: 0 answers with the span most likely to be exactly right, 1 with the one of the highest expected F1,
        and what lies between weighs both (minimum Bayes risk: `decode.spans`).
    no_answer: whether it may say that the text has no answer; a reader of questions without one always may.
    no_answer_threshold: log odds of no answer against the most likely span, in nats, above which it says so; a
        training with a dev set chooses it (`SpanReader.calibrate`).
    temperature: what scores are divided by to become probabilities, which changes no answer; chosen likewise.
    Raises SettingsError for a value outside these.
    """

    embedding_size: int = 128
    pair_size: int = 64
    most_pairs: int = 40_000
    letter_size: int = 0
    cell: str = "lstm"
    hidden_size: int = 128
    dropout: float = 0.3
    mask_rate: float = 0.12
    mlm_weight: float = 0.3
    window: int = 192
    read_window: int = 4096
    read_overlap: int = 256
    max_train_span: int = 40
    max_answer_span: int = 30
    f1_weight: float = 0.5
    no_answer: bool = False
    no_answer_threshold: float = 0.0
    temperature: float = 1.0

    def __post_init__(self) -> None:
        check(self)
        check_cell(self, "a span reader")
        sizes = ("embedding_size", "pair_size", "most_pairs", "hidden_size")
        spans = ("window", "read_window", "read_overlap", "max_train_span", "max_answer_span")
        require(self, (*sizes, *spans), lambda value: value >= 1, "1 or more")
        require(self, ("dropout", "mask_rate"), lambda value: 0 <= value < 1, "0 or more and below 1")
        require(self, ("mlm_weight", "letter_size"), lambda value: value >= 0, "0 or more")
        require(self, ("temperature",), lambda value: value > 0, "above 0")
        require(self, ("f1_weight",), lambda value: 0 <= value <= 1, "0 to 1")
        if not self.max_answer_span <= self.max_train_span <= self.window:
            raise SettingsError(
                f"max_answer_span is {self.max_answer_span}, max_train_span {self.max_train_span} and window "
                f"{self.window} tokens; none may be more than the next"
            )
        if not 2 * self.max_answer_span <= self.read_overlap < self.read_window:
            raise SettingsError(
                f"read_overlap is {self.read_overlap} tokens, max_answer_span {self.max_answer_span} and read_window "
                f"{self.read_window}; the overlap must be twice the longest answer or more, and less than the window"
            )
