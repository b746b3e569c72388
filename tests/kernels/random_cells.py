"""Random cells: any operations of the language on whatever a step is given, nested a few deep."""

import random
from typing import Any

from keepgate.equations import (
    Cell,
    Step,
    cell,
    exp,
    greater,
    log,
    maximum,
    minimum,
    relu,
    row_mean,
    sigmoid,
    softplus,
    sqrt,
    step_of,
    tanh,
    where,
)

# Operations that keep what they are given within bounds, so that no run overflows or is chaotic.
ONE = {
    "sigmoid": sigmoid,
    "tanh": tanh,
    "abs": abs,
    "neg": lambda x: -x,
    "exp": lambda x: exp(-abs(x)),
    "log": lambda x: log(1 + x * x),
    "sqrt": lambda x: sqrt(x * x + 0.1),
    "softplus": lambda x: softplus(x) * 0.5,
    "relu": relu,
    "step_of": step_of,
    # Not less the whole mean: of like units, as after a reset, rounding alone would be left to decide a comparison.
    "row_mean": lambda x: tanh(x) - row_mean(tanh(x)) * 0.9,
}
TWO = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: tanh(x) * y,
    "div": lambda x, y: x / (1 + y * y),
    "maximum": maximum,
    "minimum": minimum,
    "greater": greater,
    "fused": lambda x, y: x * 0.5 + y,
    # Not what equals x where y is x: rounding alone would decide a comparison with it.
    "shared": lambda x, y: sigmoid(x) * y + (0.7 - sigmoid(x)) * x,
}


def random_cell(chance: random.Random) -> Cell:
    """A cell whose step is drawn. The same `chance` draws the same."""
    gates = [f"g{n}" for n in range(chance.randint(1, 5))]
    states = ["h", "c", "m"][: chance.choice((1, 1, 2, 3))]
    recurrent = chance.choice(("dense", "dense", "diagonal", "none", "in_step"))
    plain = (
        chance.randint(0, len(gates) - 1) if recurrent == "in_step" else len(gates)
    )  # the others are inside
    vectors = ["p", "q"][: chance.choice((0, 0, 1, 2))]
    unit_inputs = ["a", "b"][: chance.choice((0, 0, 1, 2))]
    recurrent_state = chance.choice(states) if recurrent == "dense" else states[0]
    seed = chance.random()

    def drawn_cell(wx: Any, uh: Any, s: Any, *given: Any) -> Step:
        draw = random.Random(seed)
        leaves = [getattr(s, state) for state in states]
        for values, names in zip(given, filter(None, (vectors, unit_inputs)), strict=True):
            leaves += [getattr(values, name) for name in names]
        joined: list[Any] = []

        def join(gate: str, operand: Any) -> None:
            x = getattr(wx, gate)
            if recurrent == "none":
                joined.append(x)
                return
            product = getattr(uh, gate)(operand) if recurrent == "in_step" else getattr(uh, gate)
            joined.append(x + product if draw.random() < 0.7 else x * 0.5 + tanh(product))

        def tree(depth: int) -> Any:
            kind = draw.random()
            if depth == 0 or kind < 0.1:
                return draw.choice([*joined, *leaves])
            if kind < 0.5:
                return draw.choice([*ONE.values()])(tree(depth - 1))
            if kind < 0.95:
                return draw.choice([*TWO.values()])(tree(depth - 1), tree(depth - 1))
            return where(greater(tree(depth - 1), 0.1), tree(depth - 1), tree(depth - 1))

        for gate in gates[:plain]:
            join(gate, s.h)
        operand = tanh(tree(2)) if plain < len(gates) else None
        for gate in gates[plain:]:
            join(gate, operand)
        named = {f"n{k}": tree(draw.randint(1, 3)) for k in range(draw.randint(0, 3))}
        new = {}
        for state in states:
            value = tree(draw.randint(1, 4))
            if named and draw.random() < 0.5:
                value = value * draw.choice([*named.values()])
            # Each has a gradient, whatever steps and comparisons stand in the rest.
            new[state] = tanh(value) * 0.8 + tanh(joined[0] + leaves[0]) * 0.1
        # Every gate, vector and unit input is used, or the declaration is refused.
        new[states[-1]] = new[states[-1]] * 0.5 + tanh(sum(joined) + sum(leaves[len(states) :])) * 0.4
        return Step(**new, **named)

    return cell(
        gates=" ".join(gates),
        states=" ".join(states),
        recurrent=recurrent,
        vectors=" ".join(vectors),
        unit_inputs=" ".join(unit_inputs),
        recurrent_state=recurrent_state,
    )(drawn_cell)
