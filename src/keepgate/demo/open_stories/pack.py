"""Pack: one language's relations, words and sentences."""

import random
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .grammar import Relation


@dataclass(frozen=True, kw_only=True)
class Pack:
    """All that a language's stories are made of.

    fill: a filler of a kind, from a list or made up. mention: a filler as a question may say it.
    filler: sentences between facts, with <p> and <p2>. unknowable: questions that no story answers, with <p>.
    pronouns: what may stand for a subject that was just spoken of.
    joins: what stands between two sentences, the usual one first. stops, asks: how a story and a question end.
    finish: the last touch to a text and its question, which keeps every place.
    """

    relations: tuple[Relation, ...]
    fill: Callable[[random.Random, str], str]
    mention: Callable[[random.Random, str], str]
    filler: tuple[str, ...]
    unknowable: tuple[str, ...]
    pronouns: tuple[str, ...]
    joins: tuple[str, ...]
    stops: tuple[str, ...]
    asks: tuple[str, ...]
    finish: Callable[[random.Random, str, str], tuple[str, str]]


class Words:
    """A language's TOML file: lists of words, which stand between bars or blanks, and of sentences, one a line."""

    def __init__(self, name: str) -> None:
        self._content: dict[str, Any] = tomllib.loads(
            Path(__file__).with_name(f"{name}.toml").read_text("utf-8")
        )
        self.of_kind = {kind: _between_bars(text) for kind, text in self._content["words"].items()}

    def sentences(self, name: str) -> tuple[str, ...]:
        """The lines of this name."""
        return tuple(self._content[name].strip().splitlines())

    def words(self, name: str) -> tuple[str, ...]:
        """The words of this name."""
        return _between_bars(self._content[name])

    def letters(self, name: str) -> str:
        """The text of this name, without its line ends."""
        return "".join(self._content[name].split())

    def pairs(self, name: str) -> list[str]:
        """The pairs of this name."""
        pairs: list[str] = self._content[name].split()
        return pairs

    def verbs(self) -> list[tuple[str, str]]:
        """Each verb with the kind of its object."""
        return [(verb, kind) for kind, text in self._content["verbs"].items() for verb in _between_bars(text)]


def _between_bars(text: str) -> tuple[str, ...]:
    return tuple(" ".join(word.split()) for word in text.split("|"))
