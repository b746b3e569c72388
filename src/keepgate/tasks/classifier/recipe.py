"""How a classifier is trained if nobody says otherwise."""

from typing import Any


def recipe(examples: int) -> dict[str, Any]:
    """What `bench/hotel_reviews.py` measures: five epochs, but at least 300 steps, and an average of the weights."""
    batch_size = 32
    return {
        "steps": max(300, 5 * -(-examples // batch_size)),
        "batch_size": batch_size,
        "learning_rate": 2e-3,
        "schedule": "cosine",
        "warmup": 60,
        "hold_fraction": 0.25,
        "final_lr_ratio": 0.02,
        "betas": (0.9, 0.98),
        "max_grad_norm": 5.0,
        "ema_decay": 0.995,
    }
