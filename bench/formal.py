"""Trains and tests what `keepgate formal` does, one network after the other on one thread.

    python -m bench.formal [--seeds 3] [--languages parity reverse] [--networks lstm]

results/formal.json is as `keepgate formal --json` writes it, and is written anew after each training; what is in it is
not trained again.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from keepgate.demo.formal.result import FormalComparison
from keepgate.demo.formal.run import ALL, NETWORKS, run
from keepgate.demo.result import to_json

RESULTS = Path(__file__).parent / "results" / "formal.json"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--languages", nargs="+", choices=ALL, default=ALL)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=NETWORKS)
    options = parser.parse_args()
    for seed in range(options.seeds):
        for network in options.networks:
            for language in options.languages:
                if not any(
                    run["seed"] == seed for run in stored().get((language, network), {}).get("runs", ())
                ):
                    store(seed, run((language,), (network,), seeds=(seed,), processes=1, progress=False))


def stored() -> dict[tuple[str, str], dict[str, Any]]:
    """What was trained, by language and network."""
    before = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {"trained": []}
    return {(trained["language"], trained["network"]): trained for trained in before["trained"]}


def store(seed: int, result: FormalComparison) -> None:
    """Adds one training of one network to the others."""
    written, every = json.loads(to_json(result)), stored()
    (trained,) = written["trained"]
    name = trained["language"], trained["network"]
    print(*name, seed, trained["runs"][0]["accuracy"]["500"], flush=True)
    trained["runs"][0]["processor"] = written["machine"]["processor"]
    trained["runs"] = [*every.get(name, {"runs": []})["runs"], *trained["runs"]]
    every[name] = trained
    names = ((language, network) for language in ALL for network in NETWORKS)
    written["trained"] = [every[name] for name in names if name in every]
    written["seeds"] = sorted({run["seed"] for trained in every.values() for run in trained["runs"]})
    RESULTS.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
