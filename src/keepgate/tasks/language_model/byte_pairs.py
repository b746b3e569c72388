"""BytePairs: a text as pieces of words, by byte-pair encoding of its UTF-8 bytes; needs the extra `tokenizers`.

Sennrich et al. (2016), arXiv:1508.07909; on bytes, so that no text has an unknown token: Radford et al. (2019),
"Language models are unsupervised multitask learners".
"""

import codecs
import json
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ...data.text import Tokens
from ...data.vocabulary import SPECIAL, Vocabulary
from ...errors import CorpusError
from ...lazy import missing_package
from .settings import LanguageModelSettings

# GPT-2's letter for each byte: itself where it can be seen, and the others in order from 256 on.
_SEEN = (*range(33, 127), *range(161, 173), *range(174, 256))
_HIDDEN = [byte for byte in range(256) if byte not in _SEEN]
BYTES = {chr(byte): byte for byte in _SEEN} | {chr(256 + k): byte for k, byte in enumerate(_HIDDEN)}
_SIGNS = str.maketrans({" ": "␣", "\n": "↵", "\t": "⇥"})


class BytePairs:
    """Tokens that were merged from bytes, in the order of their numbers, and the merges ("a b"), the first first.

    A token is written with one letter for each of its bytes. Raises PackageMissing without tokenizers, CorpusError for
    tokens and merges that do not go together.
    """

    def __init__(self, vocabulary: Vocabulary, merges: list[str]) -> None:
        self.vocabulary, self.merges = vocabulary, merges
        numbers = {token: number for number, token in enumerate(vocabulary.to_json())}
        pairs = [tuple(merge.split(" ")) for merge in merges]
        if not BYTES.keys() <= numbers.keys() or any(len(pair) != 2 for pair in pairs):
            raise CorpusError("byte pairs have a token for each byte, and merges of two tokens each")
        tokenizers = _tokenizers()
        try:
            model = tokenizers.models.BPE(vocab=numbers, merges=pairs)
        except Exception as fault:
            raise CorpusError(f"these byte pairs and their merges do not go together: {fault}") from None
        self._encoder = _with_bytes(tokenizers.Tokenizer(model))

    @classmethod
    def build(cls, pieces: Iterable[str], settings: LanguageModelSettings) -> Self:
        """The byte pairs that occur most in the pieces of some texts. Raises PackageMissing without tokenizers."""
        tokenizers = _tokenizers()
        encoder = _with_bytes(tokenizers.Tokenizer(tokenizers.models.BPE()))
        trainer = tokenizers.trainers.BpeTrainer(
            vocab_size=settings.most_tokens, min_frequency=settings.min_count, initial_alphabet=sorted(BYTES),
            show_progress=False,
        )  # fmt: skip
        encoder.train_from_iterator(pieces, trainer)
        numbers = encoder.get_vocab()
        merges = json.loads(encoder.to_str())["model"]["merges"]
        # Versions of tokenizers write a merge as a text or as two.
        texts = [merge if isinstance(merge, str) else " ".join(merge) for merge in merges]
        return cls(Vocabulary(sorted(numbers, key=numbers.__getitem__)), texts)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """What `to_json` gave. Raises as the constructor, and CorpusError for another form."""
        merges = plain.get("merges")
        if not isinstance(merges, list) or not all(isinstance(merge, str) for merge in merges):
            raise CorpusError('byte pairs have "merges", a list of texts, beside their "tokens"')
        return cls(Vocabulary.from_json(plain.get("tokens")), merges)

    def to_json(self) -> dict[str, Any]:
        """The tokens in the order of their numbers, and the merges."""
        return {"tokens": self.vocabulary.to_json(), "merges": self.merges}

    def tokens(self, text: str) -> Tokens:
        """The tokens with their places; several that share a character have its place all of them."""
        offsets = self._encoder.encode(text).offsets
        starts, ends = zip(*offsets, strict=True) if offsets else ((), ())
        return Tokens(tuple(text[start:end] for start, end in offsets), starts, ends)

    def ids(self, text: str) -> NDArray[np.int64]:
        """The number of each token of a text."""
        return np.array(self._encoder.encode(text).ids, dtype=np.int64) + len(SPECIAL)

    def texts(self, tokens: Iterable[str], before: str) -> Iterator[str]:  # noqa: ARG002
        """What each token adds to a text: "" for one that only begins a character."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        for token in tokens:
            yield decoder.decode(_bytes(token))
        if rest := decoder.decode(b"", final=True):
            yield rest

    def names(self) -> tuple[str, ...]:
        """The tokens by their numbers, as a prediction shows them: parts of a character as bytes, "<E5 A5>"."""
        return (*SPECIAL, *map(_name, self.vocabulary.to_json()))


def _bytes(token: str) -> bytes:
    return bytes(BYTES[letter] for letter in token)


def _name(token: str) -> str:
    content = _bytes(token)
    try:
        return content.decode().translate(_SIGNS)
    except UnicodeDecodeError:
        return f"<{content.hex(' ').upper()}>"


def _with_bytes(encoder: Any) -> Any:
    encoder.pre_tokenizer = _tokenizers().pre_tokenizers.ByteLevel(add_prefix_space=False)
    return encoder


def _tokenizers() -> Any:
    try:
        return import_module("tokenizers")
    except ModuleNotFoundError as missing:
        raise missing_package("a language model of byte pairs", missing) from missing
