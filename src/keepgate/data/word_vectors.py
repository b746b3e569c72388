"""WordVectors: a vector for each word of a text file, in the format of word2vec, GloVe or fastText."""

import re
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import CorpusError
from ..wording import count_of

# word2vec and fastText begin with how many words and numbers there are; GloVe does not.
_HEADER = re.compile(r"\s*\d+\s+(\d+)\s*")


class WordVectors:
    """The vectors of a file: a line for each word, the word and its numbers with blanks between, common words first.

    size: numbers of a vector. account: a sentence on what `of` last took.
    Raises CorpusError for a file that cannot be read, or whose first line is no vector.
    """

    def __init__(self, path: str | Path) -> None:
        self.path, self.account = Path(path), ""
        first = next(self._lines(), (0, ""))[1]
        header = _HEADER.fullmatch(first)
        self._has_header = header is not None
        self.size = int(header.group(1)) if header is not None else len(_parts(first)) - 1
        if self.size < 1:
            raise CorpusError(f"{path} begins with {first[:40]!r}; expected {_FORM}")

    def of(
        self, tokens: Collection[str], *, others: int = 0, is_token: Callable[[str], bool] = lambda _: True
    ) -> dict[str, NDArray[np.float32]]:
        """The vectors of these tokens, and of the first others that can be tokens, in the order of the file.

        Words are taken in lower case, the first of several that are alike. others: how many at most.
        Raises CorpusError for a line that is no vector of `size` finite numbers, and where no token has a vector.
        """
        vectors: dict[str, NDArray[np.float32]] = {}
        distinct = frozenset(tokens)
        for number, line in self._lines():
            if number == 1 and self._has_header:
                continue
            word, *numbers = _parts(line, self.size)
            if len(numbers) < self.size or _ends_with_a_number(word):
                counted = len(_parts(line)) - 1
                raise CorpusError(
                    f"{self.path}, line {number}: {count_of(counted, 'numbers')} after the word, expected "
                    f"{self.size} as in the lines before"
                )
            word = word.lower()
            if word in vectors:
                continue
            if word not in distinct:
                if others <= 0 or not is_token(word):
                    continue
                others -= 1
            vectors[word] = self._numbers(number, numbers)
        if distinct.isdisjoint(vectors):
            raise CorpusError(
                f"{self.path} has a vector for none of the {count_of(len(distinct), 'different tokens')} of the "
                "training data; give vectors of the same language, whose words are cut alike"
            )
        matches = sum(token in vectors for token in distinct)
        self.account = (
            f"{matches:,} of {count_of(len(distinct), 'different tokens')} have a vector in {self.path.name} "
            f"({count_of(self.size, 'numbers')}); other words taken from it: {len(vectors) - matches:,}."
        )
        return vectors

    def _numbers(self, number: int, parts: list[str]) -> NDArray[np.float32]:
        try:
            vector = np.array(parts, dtype=np.float64)
        except ValueError as fault:
            raise CorpusError(f"{self.path}, line {number}: {fault}; expected {_FORM}") from None
        if not (np.abs(vector) <= np.finfo(np.float32).max).all():
            raise CorpusError(f"{self.path}, line {number}: a number is NaN, infinite or too large")
        return vector.astype(np.float32)

    def _lines(self) -> Iterator[tuple[int, str]]:
        """Each line that is not blank, with its number, from 1; the file is never held whole."""
        try:
            with self.path.open(encoding="utf-8-sig", newline="\n") as file:
                for number, line in enumerate(file, 1):
                    if line.strip():
                        yield number, line
        except FileNotFoundError:
            raise CorpusError(f"{self.path} does not exist") from None
        except IsADirectoryError:
            raise CorpusError(f"{self.path} is a folder; name a file of vectors") from None
        except UnicodeDecodeError:
            raise CorpusError(
                f"{self.path} is no UTF-8 text; unpack it, or save it in word2vec's text format (binary=False)"
            ) from None
        except OSError as fault:
            raise CorpusError(f"{self.path} cannot be read: {fault.strerror or fault}") from None


def _parts(line: str, numbers: int = -1) -> list[str]:
    """The word and so many numbers, or as many as there are; a word may have blanks, and be another kind of blank."""
    return line.rstrip(" \t\r\n").replace("\t", " ").rsplit(" ", numbers)


def _ends_with_a_number(word: str) -> bool:
    """Whether a word with blanks ends with what is one number too many."""
    _, blank, end = word.rpartition(" ")
    try:
        return bool(blank) and float(end) == float(end)
    except ValueError:
        return False


_FORM = "a word and its numbers, with blanks between, in each line"
