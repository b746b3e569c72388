"""How often the automaton of a language comes out of a trained layer: RNN, LSTM and GRU, from ten seeds.

    python -m bench.automata [--seeds 10]

The languages and the training are those of docs/guide/memory.md, but that an RNN learns parity at half the rate.
results/automata.json is written anew after each layer; what is in it is not trained again.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch

import keepgate
from bench.machine import machine
from docs import pages
from keepgate import lens
from keepgate.lens.gradients import Automaton

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "bench" / "results" / "automata.json"
BITS = torch.tensor([[0.0], [1.0]])
PULSES = torch.cat([torch.eye(3), -torch.eye(3)])
# Lines, symbols, steps of training, and each symbol's move from one number, whose bits are held, to another.
LANGUAGES = {
    "parity": (1, BITS, 1000, (lambda held: held, lambda held: 1 - held)),
    "flip_flop": (
        3, PULSES, 400,
        tuple(lambda held, bit=bit, on=on: held | bit if on else held & ~bit for on in (1, 0) for bit in (1, 2, 4)),
    ),
}  # fmt: skip
KINDS = {"RNN": keepgate.RNN, "LSTM": keepgate.LSTM, "GRU": keepgate.GRU}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=10)
    seeds = parser.parse_args().seeds
    torch.set_num_threads(1)
    page = page_functions()
    rows = json.loads(RESULTS.read_text(encoding="utf-8"))["rows"] if RESULTS.exists() else []
    for seed in range(seeds):
        for language in LANGUAGES:
            for kind in KINDS:
                name = {"language": language, "kind": kind, "seed": seed}
                if not any(row.items() >= name.items() for row in rows):
                    rows.append({**name, **measured(page, language, kind, seed)})
                    print(rows[-1], flush=True)
                    text = ",\n".join(map(json.dumps, rows))
                    RESULTS.write_text(f'{{"machine": {json.dumps(machine())},\n"rows": [\n{text}\n]}}\n')


def page_functions() -> dict[str, Any]:
    """The page's functions, without its two trainings."""
    blocks = pages.blocks((ROOT / "docs" / "guide" / "memory.md").read_text(encoding="utf-8"))
    page: dict[str, Any] = {"torch": torch, "keepgate": keepgate}
    exec(blocks[1].code.partition("torch.manual_seed(0)")[0], page)
    return page


def measured(page: dict[str, Any], language: str, kind: str, seed: int) -> dict[str, Any]:
    """Accuracy at step 500 and what automaton the layer has become."""
    lines, symbols, steps, moves = LANGUAGES[language]
    torch.manual_seed(seed)
    rate = 0.005 if (kind, language) == ("RNN", "parity") else 0.01
    layer, answer = page["trained"](KINDS[kind], page[language], lines, steps, rate)
    with torch.no_grad():
        x, bits = page[language](500)
        right = answer(layer(x)[0][-1]) == bits[-1].long() @ 2 ** torch.arange(lines)
        run = lens.capture_layer(layer, page[language](60)[0])
    found = lens.gradients.automaton(run, symbols, answer, rest=[0.0] * lines)
    minimal = found.minimal()
    return {
        "accuracy": float(right.double().mean()),
        "points": len(found),
        "states": len(minimal),
        "right": is_right(minimal, 2**lines, moves),
    }


def is_right(minimal: Automaton, states: int, moves: tuple[Any, ...]) -> bool:
    """Whether it has a state for each number, and each symbol leads from one to the next as it should."""
    numbers = minimal.answers.tolist()
    after = [[numbers[end] if end >= 0 else None for end in row] for row in minimal.transitions.tolist()]
    wanted = [[move(number) for move in moves] for number in numbers]
    return sorted(numbers) == list(range(states)) and after == wanted


if __name__ == "__main__":
    main()
