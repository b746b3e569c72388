"""Automaton of a trained layer: its states are the points where one symbol, read again and again, holds the layer.

Such a point comes back after a period: at once where the state stands still, after two steps where a 1 flips it. From
each point every symbol leads to a point of that symbol. Points that answer alike, now and after any further symbols,
are one state of the minimal automaton.
Omlin & Giles (1996), doi:10.1016/0893-6080(95)00086-0, cluster visited states instead.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ...errors import ShapeError
from ...kernels import Call
from ..capture.layer_run import LayerRun
from ..compact_repr import compact_repr
from .fixed_points import (
    SAME,
    FixedPoints,
    points_from,
    read_constantly,
    spread_of,
    states_apart,
    visited_states,
)

# A settled state has the period after which it comes back to within this share of the spread of the visited states.
RETURNS = 1e-3


@dataclass(frozen=True, kw_only=True, eq=False)
class Automaton:
    """Moore machine: numbered states, each with an answer.

    first:       the state after a first symbol.
    transitions: the state after each further symbol; -1 where that is none of them.
    answers:     a number for each state.
    """

    first: Int[Tensor, " symbols"]
    transitions: Int[Tensor, "states symbols"]
    answers: Int[Tensor, " states"]

    __repr__ = compact_repr

    def __len__(self) -> int:
        return len(self.transitions)

    def read(self, symbols: Int[Tensor, "time batch"]) -> Int[Tensor, "time batch"]:
        """The state after each symbol of each row; -1 from where it is none of them."""
        nowhere = torch.full_like(self.first, -1)
        table = torch.cat([self.transitions, self.first[None], nowhere[None]])
        state, states = torch.full(symbols.shape[1:], len(self)), torch.empty_like(symbols)
        for step, symbol in enumerate(symbols):
            states[step] = state = table[state, symbol]
        return states

    def minimal(self) -> "Automaton":
        """The smallest automaton with the same answers to every row, its states in the order in which rows reach them.

        So the minimal automata of two that answer alike have the same numbers. Source: Moore (1956).
        """
        if not len(self):
            return self
        classes = self.classes()
        members = [
            int((classes == number).nonzero()[0])
            for number in range(len(classes.unique()) - int((classes < 0).any()))
        ]
        transitions = self.transitions[members]
        return Automaton(
            first=torch.where(self.first < 0, -1, classes[self.first]),
            transitions=torch.where(transitions < 0, -1, classes[transitions]),
            answers=self.answers[members],
        )

    def classes(self) -> Int[Tensor, " states"]:
        """The state of the minimal automaton that each state belongs to; -1 where no row leads to it."""
        alike, count = self.answers.unique(return_inverse=True)[1], 0
        while (now := len(alike.unique())) > count:
            after = torch.where(self.transitions < 0, -1, alike[self.transitions])
            alike = torch.cat([alike.unsqueeze(1), after], 1).unique(dim=0, return_inverse=True)[1]
            count = now
        numbers: dict[int, int] = {}
        waiting = self.first.tolist()
        for state in waiting:
            if state >= 0 and int(alike[state]) not in numbers:
                numbers[int(alike[state])] = len(numbers)
                waiting += self.transitions[state].tolist()
        return torch.tensor([numbers.get(name, -1) for name in alike.tolist()], dtype=torch.long)

    def same_as(self, other: "Automaton") -> bool:
        """Whether both answer every row alike."""
        ours, theirs = self.minimal(), other.minimal()
        return all(
            torch.equal(getattr(ours, name), getattr(theirs, name))
            for name in ("first", "transitions", "answers")
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerAutomaton(Automaton):
    """The automaton of a trained layer: a state for each stable point.

    symbol_points: of each symbol, its points, stable or not; the stable ones are the automaton's states, in this order.
    """

    symbol_points: tuple[FixedPoints, ...]

    @property
    def points(self) -> Float[Tensor, "states units"]:
        """Where the states are: all states of the cell side by side."""
        return torch.cat([found.points[found.is_stable] for found in self.symbol_points])


@torch.no_grad()
def automaton(
    layer_run: LayerRun,
    symbols: Float[Tensor, "symbols features"],
    answer: Callable[..., Tensor],
    *,
    layer: int = -1,
    starts: int = 128,
    settle: int = 1000,
    longest_period: int = 60,
) -> LayerAutomaton:
    """The automaton that a layer has become, found from states that it visited, in float64.

    symbols: the inputs that it can read, one a row.
    answer:  from the cell's states (h, or h and c, [states, units] each) to numbers, or to logits [states, answers].
    starts:  visited states to start from. settle: steps until a state is taken to stay where it is.
    longest_period: in steps; a symbol under which the states come back after no fewer has no points.
    Right for a language in which reading a symbol once does what reading it once and then some number of times does,
    as in a cycle; not where, say, only the third 1 in a row counts. What the initial states answer is left open.
    Raises ShapeError for symbols of another size, or a run without a step; CellError for a cell without a graph.
    """
    call, visited = visited_states(layer_run, starts, layer=layer)
    if symbols.dim() != 2 or symbols.shape[1] != call.weights.input_size:
        raise ShapeError(
            f"symbols are of shape {list(symbols.shape)}; this layer reads [symbols, {call.weights.input_size}]"
        )
    near, inputs = spread_of(visited), symbols.to(visited)
    symbol_points = []
    for x in inputs:
        settled = read_constantly(call, visited, x, settle)
        period = _period(call, settled, x, longest_period, RETURNS * near)
        symbol_points.append(
            points_from(call, settled, visited=visited, input=x, period=period, iterations=20)
        )
    stable = [found.points[found.is_stable] for found in symbol_points]

    def after(before: Tensor, symbol: int) -> Tensor:
        """The number of the stable point to which one step of the symbol leads, and whole periods of it."""
        period, ends = symbol_points[symbol].period, stable[symbol]
        if not len(ends) or not len(before):
            return torch.full((len(before),), -1)
        states = read_constantly(call, before, inputs[symbol], 1 + -(-settle // period) * period)
        distances, nearest = torch.cdist(states, ends).min(1)
        return torch.where(distances < SAME * near, nearest + sum(map(len, stable[:symbol])), -1)

    states, numbers = torch.cat(stable), range(len(inputs))
    answers = answer(*(part.to(layer_run.x) for part in states_apart(call, states)))
    return LayerAutomaton(
        first=torch.cat([after(torch.cat(call.states, 1), symbol) for symbol in numbers]),
        transitions=torch.stack([after(states, symbol) for symbol in numbers], 1),
        answers=answers.argmax(1) if answers.dim() == 2 else answers.long(),
        symbol_points=tuple(symbol_points),
    )


def _period(call: Call, states: Tensor, x: Tensor, longest: int, near: float) -> int:
    """After how many steps of the input all states are back where they were; 1 where they are not after so many."""
    moved = states
    for period in range(1, longest + 1):
        moved = read_constantly(call, moved, x, 1)
        if float((moved - states).norm(dim=1).max()) < near:
            return period
    return 1
