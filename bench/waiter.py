"""Runs the guide's page `remember` from several seeds: which of its statements hold, and within what range.

    python -m bench.waiter [--seeds 10]

Writes results/waiter.json. Only the seeds of the two trainings change; the evenings that are examined stay the page's.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from bench.machine import machine
from docs import pages
from keepgate import lens

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "guide" / "remember.md"
RESULTS = ROOT / "bench" / "results" / "waiter.json"
COFFEE = 4  # where it stands in the evening


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=10)
    torch.set_num_threads(1)
    rows = []
    for seed in range(parser.parse_args().seeds):
        rows.append(measured(seed))
        print(json.dumps(rows[-1]), flush=True)
    RESULTS.write_text(json.dumps({"machine": machine(), "seeds": rows}, indent=1) + "\n", encoding="utf-8")


def measured(seed: int) -> dict[str, Any]:
    """What became of the page with this seed; its own assertions, on both verdicts and the horizon, are in it."""
    names, _ = pages.run(PAGE.read_text(encoding="utf-8").replace("manual_seed(0)", f"manual_seed({seed})"))
    seen, waiter, evening, drinks = names["seen"], names["waiter"], names["evening"], names["DRINKS"]
    without_write = lens.interventions.ablate_writes(seen, torch.tensor([COFFEE]))
    torch.manual_seed(4)
    words, ordered = names["evenings"](2000)
    with torch.no_grad():
        accuracy = float((waiter(words).argmax(1) == ordered).double().mean())
        guessed = float((names["forgetful"](words).argmax(1) == ordered).double().mean())
        with lens.interventions.patched(waiter.lstm, without_write):
            drink = drinks[int(waiter(evening).argmax())]
    without, tea, gates = names["without"], names["tea"], names["gates"]
    explained = lens.explain(waiter, evening, labels=drinks)
    far = names["diagnosis"].gradient[-1], names["untrained"].gradient[-1]
    return {
        "seed": seed,
        "accuracy": accuracy,
        "guessed": guessed,
        "verdicts": [names[name].verdict.fault for name in ("diagnosis", "untrained", "report")],
        "gradient_at_59": [float(share) for share in far],
        "horizon": names["report"].horizon,
        "forget_gate": [float(gates.f[step].mean()) for step in (COFFEE, COFFEE + 1)],
        "without_coffee": drinks[int(without[COFFEE].argmax())],
        "probability": float(without[COFFEE].max()),
        "explained": [explained.token_effects[0].step, explained.token_effects[0].without.text],
        "words_that_change_it": names["changed"].nonzero().flatten().tolist(),
        "eraser": int(tea.forgotten.argmax()),
        "erased": float(tea.forgotten.max()),
        "without_its_write": drink,
    }


if __name__ == "__main__":
    main()
