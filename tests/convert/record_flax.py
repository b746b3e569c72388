"""Records trees of Flax's parameters with Flax's own outputs: python -m tests.convert.record_flax, beside flax.

Flax and jax are larger than all else that the tests need, so that `make test` compares with what was recorded; the slow
test draws new ones where Flax is installed.
"""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np

RECORDED = Path(__file__).parent / "flax_recorded.json"
CELLS = ("LSTMCell", "OptimizedLSTMCell", "GRUCell", "SimpleCell", "MGUCell", "MGUCell without reset")


def random_case(seed: int) -> dict[str, Any]:
    """A cell's tree with drawn weights, an input [batch, time, features], and Flax's outputs at every step for it."""
    import jax
    import jax.numpy as jnp
    from flax import linen

    chance, numbers = random.Random(seed), np.random.default_rng(seed)
    name = CELLS[seed % len(CELLS)]
    options = {"reset_gate": False} if name.endswith("without reset") else {}
    layer = linen.RNN(getattr(linen, name.split()[0])(features=chance.randint(1, 5), **options), name="layer")
    x = numbers.normal(size=(chance.randint(1, 3), chance.randint(1, 6), chance.randint(1, 4))).astype(
        np.float32
    )
    drawn = jax.tree.map(
        lambda leaf: jnp.asarray(numbers.uniform(-0.9, 0.9, leaf.shape).astype(np.float32)),
        layer.init(jax.random.key(seed), x),
    )
    tree = jax.tree.map(np.asarray, drawn)
    return {"cell": name, "tree": tree, "x": x, "output": np.asarray(layer.apply(drawn, x))}


def main() -> None:
    """Writes two cases of each cell."""
    cases = [random_case(seed) for seed in range(2 * len(CELLS))]
    RECORDED.write_text(json.dumps(cases, default=lambda array: array.tolist()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
