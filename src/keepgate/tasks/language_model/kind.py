"""What a language model registers: how it is trained and what it reads."""

from typing import Any

from ...data.corpora.plain_text import read_plain
from ..kind import TaskKind
from .model import LanguageModel

# Steps of a small text: enough to learn something at all.
_AT_LEAST = 200


def recipe(tokens: int) -> dict[str, Any]:
    """What `bench/language_model.py` measures: seven epochs, but at least 200 steps; few tokens in fewer lanes."""
    lanes = max(1, min(32, tokens // 400))
    steps = max(1, min(96, tokens // lanes - 1))
    per_epoch = max(1, (tokens // lanes - 1) // steps)
    return {
        "steps": max(_AT_LEAST, 7 * per_epoch),
        "batch_size": lanes,
        "bptt_steps": steps,
        "learning_rate": 4e-3,
        "schedule": "cosine",
        "hold_fraction": 0.0,
        "warmup": 50,
        "optimiser": "adamw",
    }


KIND = TaskKind(
    task=LanguageModel,
    recipe=recipe,
    read=read_plain,
    unit="texts",
    asks=False,
    use='keepgate write {model} --prompt "…"',
)
