"""Formal languages as tasks: strings of symbols and what is to be answered after them.

Delétang et al. (2023), "Neural Networks and the Chomsky Hierarchy", arXiv:2207.02098, appendix A. Regular ones are
given by their automaton, and the one answer is read at a string's last symbol. The others are given by where in the
string each symbol of the answer stands; it is read at blanks that follow the string, one for each symbol.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from ...errors import SettingsError, nearest_first
from ...lens.gradients import Automaton

MODULUS = 5
# The target where nothing is answered, as torch's cross entropy takes it.
NO_ANSWER = -100


@dataclass(frozen=True, kw_only=True, eq=False)
class Strings:
    """Strings, each in a column, blanks and padding after it.

    targets: the answer where one is read, `NO_ANSWER` elsewhere. lengths: of each string and its blanks together.
    """

    symbols: Int[Tensor, "time batch"]
    targets: Int[Tensor, "time batch"]
    lengths: Int[Tensor, " batch"]

    @property
    def answered(self) -> Bool[Tensor, "time batch"]:
        """Where an answer is read."""
        return self.targets != NO_ANSWER

    def to(self, device: torch.device | str) -> "Strings":
        """The same on a device."""
        return Strings(
            symbols=self.symbols.to(device), targets=self.targets.to(device), lengths=self.lengths.to(device)
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Language:
    """One task. symbols: the alphabet's, as they are written. answers: how many there are to choose from.

    automaton: of a regular one, whose one answer is that of its last state.
    source: of another, where in a string of n symbols each symbol of its answer stands: [places, rows] and [rows] →
        [places, rows]. answer_length: of its answer, from the string's.
    alternates: numbers stand at the even places and operators, the symbols from `answers` on, at the odd ones.
    """

    name: str
    level: Literal["regular", "context-free", "context-sensitive"]
    symbols: tuple[str, ...]
    answers: int
    automaton: Automaton | None = None
    source: Callable[[Tensor, Tensor], Tensor] | None = None
    answer_length: int = 1
    alternates: bool = False

    @property
    def inputs(self) -> int:
        """How many symbols a network reads: the alphabet's, and the blank where answers are read at one."""
        return len(self.symbols) + (self.automaton is None)

    @property
    def chance(self) -> float:
        """The share of right answers of a guess."""
        return 1 / self.answers

    def strings(
        self,
        lengths: Int[Tensor, " batch"],
        generator: torch.Generator,
        *,
        uneven: float = 0.0,
        prefixes: bool = False,
    ) -> Strings:
        """Random strings of these lengths, every symbol alike likely; one that must be odd is shorter by one.

        uneven: the share of the strings in which each symbol has a likelihood of its own, so that one may stand alone
            for long.
        prefixes: of a regular language, every prefix of a string is a string of its own, answered at its last symbol.
        """
        lengths = lengths - (1 - lengths % 2) if self.alternates else lengths
        longest = int(lengths.max())
        symbols = self._drawn(longest, len(lengths), generator, uneven)
        place = torch.arange(longest * (1 + self.answer_length)).unsqueeze(1)
        if self.automaton is not None:
            place = place[:longest]
            answered = place < lengths if prefixes else place == lengths - 1
            if self.alternates:
                answered = answered & (place % 2 == 0)
            targets = self.automaton.answers[self.automaton.read(symbols)]
            return Strings(
                symbols=symbols, targets=targets.masked_fill(~answered, NO_ANSWER), lengths=lengths
            )
        assert self.source is not None
        together = lengths * (1 + self.answer_length)
        source = self.source((place - lengths).clamp(min=0), lengths).clamp(0, longest - 1)
        blanks = symbols.new_full((len(place) - longest, len(lengths)), len(self.symbols))
        return Strings(
            symbols=torch.cat([symbols, blanks]).masked_fill(place >= lengths, len(self.symbols)),
            targets=symbols.gather(0, source).masked_fill((place < lengths) | (place >= together), NO_ANSWER),
            lengths=together,
        )

    def _drawn(self, steps: int, rows: int, generator: torch.Generator, uneven: float) -> Tensor:
        if not self.alternates:
            likely = torch.ones(rows, len(self.symbols))
            own = torch.rand(rows, generator=generator) < uneven
            likely[own] = torch.empty(int(own.sum()), len(self.symbols)).exponential_(generator=generator)
            return likely.multinomial(steps, replacement=True, generator=generator).T.contiguous()
        drawn = torch.randint(self.answers, (steps, rows), generator=generator)
        drawn[1::2] = torch.randint(self.answers, len(self.symbols), (steps // 2, rows), generator=generator)
        return drawn


def _machine(start: int, table: Sequence[Sequence[int]], answers: Sequence[int]) -> Automaton:
    transitions = torch.tensor(table)
    return Automaton(first=transitions[start], transitions=transitions, answers=torch.tensor(answers))


def _even_pairs() -> Automaton:
    """States: nothing read, then the first symbol and the last; there is an odd number of 01 and 10 if these differ."""
    ends = [(first, last) for first in (0, 1) for last in (0, 1)]
    number = {pair: 1 + place for place, pair in enumerate(ends)}
    table = [[number[0, 0], number[1, 1]], *([number[first, 0], number[first, 1]] for first, _ in ends)]
    return _machine(0, table, [0, *(int(first != last) for first, last in ends)])


def _arithmetic() -> Automaton:
    """States: the sum of the terms that are complete, and the product so far of the one that is not."""
    number = {(s, p): MODULUS * s + p for s in range(MODULUS) for p in range(MODULUS)}
    table, answers = [], []
    for total, product in number:
        value = (total + product) % MODULUS
        digits = [number[total, product * digit % MODULUS] for digit in range(MODULUS)]
        table.append([*digits, number[value, 1], number[value, MODULUS - 1], number[total, product]])
        answers.append(value)
    return _machine(number[0, 1], table, answers)


def _odds_first(place: Tensor, length: Tensor) -> Tensor:
    odds = (length + 1) // 2
    return torch.where(place < odds, 2 * place, 2 * (place - odds) + 1)


LANGUAGES = (
    Language(
        name="parity", level="regular", symbols=("0", "1"), answers=2,
        automaton=_machine(0, [[0, 1], [1, 0]], [0, 1]),
    ),
    Language(name="even-pairs", level="regular", symbols=("0", "1"), answers=2, automaton=_even_pairs()),
    Language(
        name="modular-arithmetic", level="regular", symbols=(*map(str, range(MODULUS)), "+", "-", "*"),
        answers=MODULUS, automaton=_arithmetic(), alternates=True,
    ),
    Language(
        name="cycle-navigation", level="regular", symbols=("0", "+1", "-1"), answers=MODULUS,
        automaton=_machine(
            0, [[k, (k + 1) % MODULUS, (k - 1) % MODULUS] for k in range(MODULUS)], range(MODULUS)
        ),
    ),
    Language(
        name="reverse", level="context-free", symbols=("0", "1"), answers=2,
        source=lambda place, length: length - 1 - place,
    ),
    Language(
        name="duplicate", level="context-sensitive", symbols=("0", "1"), answers=2, answer_length=2,
        source=lambda place, length: place % length,
    ),
    Language(name="odds-first", level="context-sensitive", symbols=("0", "1"), answers=2, source=_odds_first),
)  # fmt: skip


def language_named(name: str) -> Language:
    """The language of that name. Raises SettingsError, with the names that there are, nearest first, for another."""
    by_name = {language.name: language for language in LANGUAGES}
    if name not in by_name:
        raise SettingsError(
            f"the language is {name!r}; choose one of {', '.join(nearest_first(name, by_name))}"
        )
    return by_name[name]
