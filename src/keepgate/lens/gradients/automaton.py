"""Automaton of a trained layer: its states are the stable points in which an input, read again and again, holds it.

That input is one that rests, or each symbol itself. A point comes back after a period: at once where the state stands
still, after two steps where a 1 flips it. Points that answer alike, now and after any further symbols, are one state
of the minimal automaton.
Omlin & Giles (1996), doi:10.1016/0893-6080(95)00086-0, cluster visited states instead.
"""

import math
from collections.abc import Callable, Sequence
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
    check_at_least,
    descend,
    points_from,
    read_constantly,
    spread_of,
    states_apart,
    visited_states,
)

# A settled state has the period after which it comes back to within this share of the spread of the visited states.
RETURNS = 1e-3
# A state that a gate hardly lets move needs long to come to where it stays: it is given so many steps more at most.
LONGEST = 128_000
# Steps of descent from a settled state to the point that it comes near to.
ITERATIONS = 100


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
        members = [int((classes == number).nonzero()[0]) for number in range(int(classes.max()) + 1)]
        transitions = self.transitions[members]
        return Automaton(
            first=torch.where(self.first < 0, -1, classes[self.first]),
            transitions=torch.where(transitions < 0, -1, classes[transitions]),
            answers=self.answers[members],
        )

    def classes(self) -> Int[Tensor, " states"]:
        """The state of the minimal automaton that each state belongs to; -1 where no row leads to it."""
        alike, count = torch.unique(self.answers, return_inverse=True)[1], 0
        while (now := len(torch.unique(alike))) > count:
            after = torch.where(self.transitions < 0, -1, alike[self.transitions])
            alike = torch.unique(torch.cat([alike.unsqueeze(1), after], 1), dim=0, return_inverse=True)[1]
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

    held: the points under each input that holds the layer, stable or not; the stable ones are the automaton's states,
        in this order.
    """

    held: tuple[FixedPoints, ...]

    @property
    def points(self) -> Float[Tensor, "states units"]:
        """Where the states are: all states of the cell side by side."""
        return torch.cat([points.points[points.is_stable] for points in self.held])


@torch.no_grad()
def automaton(
    layer_run: LayerRun,
    symbols: Float[Tensor, "symbols features"],
    answer: Callable[..., Tensor],
    *,
    rest: Float[Tensor, " features"] | Sequence[float] | None = None,
    layer: int = -1,
    starts: int = 128,
    settle: int = 1000,
    longest_period: int = 60,
) -> LayerAutomaton:
    """The automaton that a layer has become, found from states that it visited, in float64.

    symbols: the inputs that it can read, one a row.
    answer:  from the cell's states (h, or h and c, [states, units] each) to whole numbers [states], or to logits
             [states, answers] of two answers or more.
    rest:    an input that is to change nothing, read after each symbol until the state stays. None: the symbol itself
             is read on, which is right where reading it once does what reading it once and then some number of times
             does, as in a cycle; not where, say, only the third 1 in a row counts.
    starts:  visited states to start from. settle: steps that a state is given to come to where it stays; where it
             moves yet, twice as many, and so on up to 128,000.
    longest_period: in steps; an input under which the states come back after no fewer has no points.
    What the initial states answer is left open.
    Raises ShapeError for symbols or a rest of another size, answers that are neither, or a run without a step;
    SettingsError for starts, settle or a longest_period below 1; CellError for a cell without a graph.
    """
    check_at_least(1, starts=starts, settle=settle, longest_period=longest_period)
    call, visited = visited_states(layer_run, starts, layer=layer)
    holding = symbols if rest is None else torch.as_tensor(rest).unsqueeze(0)
    for name, rows in (("symbols are", symbols), ("rest is", holding)):
        if rows.dim() != 2 or not len(rows) or rows.shape[1] != call.weights.input_size:
            raise ShapeError(
                f"{name} of shape {list(rows.shape)}; "
                f"this layer reads [symbols, {call.weights.input_size}], one symbol at least"
            )
    near, inputs, holding = spread_of(visited), symbols.to(visited), holding.to(visited)
    points_by_input = tuple(_held(call, visited, x, settle, longest_period) for x in holding)
    stable = [points.points[points.is_stable] for points in points_by_input]

    def after(before: Tensor, symbol: int) -> Tensor:
        """The number of the stable point to which one step of the symbol leads, once the state stays."""
        place = symbol if rest is None else 0
        period, ends = points_by_input[place].period, stable[place]
        if not len(ends) or not len(before):
            return torch.full((len(before),), -1)
        states = read_constantly(call, before, inputs[symbol], 1)
        states = _settled(call, states, (holding[place], period), settle, near)
        states = descend(call, states, (holding[place], period), ITERATIONS)
        distances, nearest = torch.cdist(states, ends).min(1)
        return torch.where(distances < SAME * near, nearest + sum(map(len, stable[:place])), -1)

    states, numbers = torch.cat(stable), range(len(inputs))
    return LayerAutomaton(
        first=torch.cat([after(torch.cat(call.states, 1), symbol) for symbol in numbers]),
        transitions=torch.stack([after(states, symbol) for symbol in numbers], 1),
        answers=_whole(answer(*(part.to(layer_run.x) for part in states_apart(call, states))), len(states)),
        held=points_by_input,
    )


def _whole(answers: Tensor, states: int) -> Int[Tensor, " states"]:
    """The answers' numbers. Raises ShapeError for what are neither whole numbers nor logits of several."""
    if answers.dim() == 2 and len(answers) == states and answers.shape[1] > 1:
        return answers.argmax(1)
    if answers.shape != (states,) or bool((answers.long() != answers).any()):
        raise ShapeError(
            f"answer gives {answers.dtype} of shape {list(answers.shape)} for {states} states; give whole numbers "
            f"[{states}] or logits [{states}, answers] of two answers or more: of one logit, (logit > 0).squeeze(1)"
        )
    return answers.long()


def _held(call: Call, visited: Tensor, x: Tensor, settle: int, longest_period: int) -> FixedPoints:
    """The points in which an input holds the layer: where the visited states are once they stay."""
    near = spread_of(visited)
    settled = read_constantly(call, visited, x, settle)
    period = _period(call, settled, x, longest_period, RETURNS * near)
    settled = _settled(call, settled, (x, period), settle, near)
    # They were led there, however far it is: where a gate is open for good, to hundreds of times what was visited.
    return points_from(
        call, settled, visited=visited, input=x, period=period, iterations=ITERATIONS, far=math.inf
    )


def _settled(call: Call, states: Tensor, driven: tuple[Tensor, int], steps: int, spread: float) -> Tensor:
    """The states where they stay: twice as many steps again and again until these move none by more than `RETURNS`.

    States that have come together go on as one.
    """
    (x, period), near, place = driven, RETURNS * spread, torch.arange(len(states))
    while True:
        before = states
        states = read_constantly(call, states, x, -(-steps // period) * period)
        if float((states - before).norm(dim=1).max()) < near or steps >= LONGEST:
            return states[place]
        first = (torch.cdist(states, states) < near).byte().argmax(1)
        chosen, number = torch.unique(first, return_inverse=True)
        states, place, steps = states[chosen], number[place], 2 * steps


def _period(call: Call, states: Tensor, x: Tensor, longest: int, near: float) -> int:
    """After how many steps of the input all states are back where they were; 1 where they are not after so many."""
    moved = states
    for period in range(1, longest + 1):
        moved = read_constantly(call, moved, x, 1)
        if float((moved - states).norm(dim=1).max()) < near:
            return period
    return 1
