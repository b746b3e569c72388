"""Forecaster: the next steps of series, with quantiles."""

from ...lazy import lazy_exports

__all__ = ["KIND", "Forecast", "Forecaster", "ForecasterSettings"]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "forecast": ("Forecast",),
        "forecaster": ("Forecaster",),
        "kind": ("KIND",),
        "settings": ("ForecasterSettings",),
    },
)
