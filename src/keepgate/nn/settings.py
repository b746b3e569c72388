"""A layer's settings as its repr shows them."""

from typing import Any


def changed_settings(layer: Any) -> str:
    """Sizes, and the settings of a `Recurrent` that differ from torch's defaults."""
    defaults: dict[str, Any] = {
        "proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0, "bidirectional": False,
        "init": "torch", "horizon": None, "forget_bias": None, "kernel": None, "first_row": 0,
    }  # fmt: skip
    settings = {name: getattr(layer, name) for name in defaults}
    if layer.regularisation is not None:
        masked = {"zoneout": (0.0, 0.0), "recurrent_dropout": 0.0, "weight_drop": 0.0}
        settings |= {name: getattr(layer.regularisation, name) for name in masked}
        defaults |= masked
    variants = {name: True for name in ("layer_norm", "coupled") if layer.__dict__.get(name)}
    if "layer_norm" in variants:
        del settings["bias"]  # which it has settled
    settings |= variants
    changed = [f"{name}={value!r}" for name, value in settings.items() if value != defaults.get(name)]
    return ", ".join([f"{layer.input_size}, {layer.hidden_size}", *changed])
