"""Measures of a trained network: accuracy by length, and the automaton that its states have become."""

from collections.abc import Sequence

import torch

from ...lens import capture_layer
from ...lens.gradients import LayerAutomaton, automaton
from ...nn import Recurrent
from .networks import FormalNetwork

# The test's strings are the same for every network and seed.
TEST_SEED = 2_000_000
# Strings of one length that are read at once: a transformer's attention over 1,000 steps takes 4 MiB for each.
ROWS_AT_ONCE = 32
# Strings, symbols of each, and how many of their states the fixed points are looked for from.
VISITED_ROWS, VISITED_STEPS, STARTS = 16, 64, 64


def accuracy(network: FormalNetwork, lengths: Sequence[int], strings: int) -> dict[int, float]:
    """The share of right symbols in the answers to so many new strings of each length, 0 to 1."""
    by_length = {}
    for length in lengths:
        generator = torch.Generator().manual_seed(TEST_SEED + length)
        sizes = [ROWS_AT_ONCE] * (strings // ROWS_AT_ONCE) + [strings % ROWS_AT_ONCE] * (
            strings % ROWS_AT_ONCE > 0
        )
        right = [
            network.accuracy(network.language.strings(torch.full((rows,), length), generator)) * rows
            for rows in sizes
        ]
        by_length[length] = sum(right) / strings
    return by_length


def has_automaton(network: FormalNetwork) -> bool:
    """Whether an automaton can be looked for: of a recurrent network, and where one symbol may follow itself."""
    language = network.language
    return isinstance(network.layer, Recurrent) and language.automaton is not None and not language.alternates


def automaton_of(network: FormalNetwork) -> LayerAutomaton:
    """The automaton of a trained recurrent network, found from the states that it visits on new strings."""
    assert isinstance(network.layer, Recurrent)
    generator = torch.Generator().manual_seed(TEST_SEED)
    strings = network.language.strings(torch.full((VISITED_ROWS,), VISITED_STEPS), generator, uneven=0.5)
    x = network.one_hot[strings.symbols]
    run = capture_layer(network.layer, x)
    return automaton(run, network.one_hot, lambda h, *_: network.readout(h), starts=STARTS)
