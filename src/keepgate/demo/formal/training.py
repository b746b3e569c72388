"""Training recipe for formal languages: strings of 1 to 40 symbols, answered at their end, with no hint on the way."""

import torch

from ...train import CurriculumStage, TrainingConfig
from .languages import Language, Strings
from .networks import TRANSFORMER

# Symbols of the longest string in training, and of the longest at the first step. They grow over GROWING of the steps,
# slowly at first: what a network has not learnt from strings of ten symbols, it does not learn from longer ones.
LONGEST, FIRST = 40, 3
GROWING, POWER = 0.7, 1.5
# Rows of a step. Of a regular language each row holds all its prefixes, as strings of their own.
ROWS = 64
# The share of rows in which some symbols are likelier than others. Without it no symbol ever stands for long alone, and
# networks that answer 500 random symbols rightly lose their state in a hundred equal ones.
UNEVEN = 0.5
MAX_NORM = 0.1
STEPS = {"modular-arithmetic": 4000}
USUAL_STEPS = 1500


def steps_for(language: Language) -> int:
    """Steps of training; the same for every network."""
    return STEPS.get(language.name, USUAL_STEPS)


def config_for(network: str, seed: int) -> TrainingConfig:
    """Adam, flat and then down to 0 on a line; a transformer does not learn at the rate of the others."""
    rate = 1e-3 if network == TRANSFORMER else 3e-3
    return TrainingConfig(batch_size=ROWS, learning_rate=rate, max_grad_norm=MAX_NORM, seed=seed, threads=1)


def stages_of(language: Language, steps: int) -> list[CurriculumStage]:
    """New strings at each step, of every length up to the longest of the step alike often."""

    def make(step: int, seed: int) -> list[Strings]:
        generator = torch.Generator().manual_seed(seed)
        grown = min(1.0, step / (GROWING * steps)) ** POWER
        longest = FIRST + int(grown * (LONGEST - FIRST))
        if language.automaton is not None:
            lengths = torch.full((ROWS,), longest)
            return [language.strings(lengths, generator, uneven=UNEVEN, prefixes=True)]
        return [language.strings(torch.randint(1, longest + 1, (ROWS,), generator=generator), generator)]

    return [CurriculumStage(steps, make, name=f"{language.name}, up to {LONGEST} symbols")]
