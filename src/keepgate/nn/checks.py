"""What no layer can be built with, refused with torch.nn's classes of error."""

from ..errors import SettingsError


def check_settings(*, dropout: float, **given: int | bool) -> None:
    """Raises TypeError for a size or switch of another type, SettingsError (a ValueError) for an impossible value."""
    for name in ("input_size", "hidden_size", "num_layers", "proj_size"):
        value = given[name]
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError(
                f"{name} counts units or layers, so it is an int, got {type(value).__name__}: {value!r}"
            )
        if value < 0 or (value == 0 and name != "proj_size"):
            raise SettingsError(f"{name} is {value}; it must be greater than zero")
    for name in ("bias", "batch_first", "bidirectional"):
        if not isinstance(given[name], bool):
            raise TypeError(f"{name} is True or False, got {type(given[name]).__name__}: {given[name]!r}")
    if given["proj_size"] >= given["hidden_size"]:
        raise SettingsError(
            f"proj_size={given['proj_size']} must be smaller than hidden_size={given['hidden_size']}, or 0 for none"
        )
    if isinstance(dropout, bool) or not isinstance(dropout, (int, float)) or not 0 <= dropout <= 1:
        raise SettingsError(
            f"dropout is {dropout!r}; it is the probability of zeroing an element, a number from 0 to 1"
        )


def check_no_projection(proj_size: int, layer: str) -> None:
    """Raises SettingsError: torch.nn's RNN and GRU take the argument in order to refuse it."""
    if proj_size:
        raise SettingsError(
            f"proj_size={proj_size}: only an LSTM projects its output, a {layer} does not; leave it out"
        )
