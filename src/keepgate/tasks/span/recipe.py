"""How a span reader is trained if nobody says otherwise."""

from typing import Any


def recipe(examples: int) -> dict[str, Any]:
    """What `bench/cmrc2018.py` measures: windows at random around the answer, and a moving average of the weights.

    In float32: autocast="bfloat16" is faster where the processor has instructions for it, and other weights.
    """
    return {
        "steps": max(400, round(0.17 * examples)),
        "batch_size": 32,
        "learning_rate": 2e-3,
        "schedule": "cosine",
        "warmup": 60,
        "hold_fraction": 0.25,
        "final_lr_ratio": 0.02,
        "betas": (0.9, 0.98),
        "max_grad_norm": 5.0,
        "ema_decay": 0.995,
    }
