"""What no layer can be built with, refused with torch.nn's classes of error."""

from ..errors import SettingsError


def check_settings(
    *,
    input_size: int,
    hidden_size: int,
    num_layers: int = 1,
    proj_size: int = 0,
    bias: bool = True,
    batch_first: bool = False,
    bidirectional: bool = False,
    dropout: float = 0.0,
) -> None:
    """Raises TypeError for a size or switch of another type, SettingsError (a ValueError) for an impossible value."""
    _check_size("input_size", input_size, least=1)
    _check_size("hidden_size", hidden_size, least=1)
    _check_size("num_layers", num_layers, least=1)
    _check_size("proj_size", proj_size, least=0)
    for name, value in (("bias", bias), ("batch_first", batch_first), ("bidirectional", bidirectional)):
        if not isinstance(value, bool):
            raise TypeError(f"{name} is True or False, got {type(value).__name__}: {value!r}")
    if proj_size >= hidden_size:
        raise SettingsError(
            f"proj_size={proj_size} must be smaller than hidden_size={hidden_size}, or 0 for none"
        )
    if isinstance(dropout, bool) or not isinstance(dropout, (int, float)) or not 0 <= dropout <= 1:
        raise SettingsError(
            f"dropout is {dropout!r}; it is the probability of zeroing an element, from 0 to 1"
        )


def _check_size(name: str, value: int, *, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(
            f"{name} counts units or layers, so it is an int, got {type(value).__name__}: {value!r}"
        )
    if value < least:
        raise SettingsError(f"{name} is {value}; it must be {least} or more")


def check_no_projection(proj_size: int, layer: str) -> None:
    """Raises SettingsError: torch.nn's RNN and GRU take the argument in order to refuse it."""
    if proj_size:
        raise SettingsError(
            f"proj_size={proj_size}: only an LSTM projects its output, a {layer} does not; leave it out"
        )
