"""Devices by name: the processor or an accelerator, if it is there."""

import torch

from ..errors import SettingsError


def device_of(name: str) -> torch.device:
    """The device that a name means: "cpu", "cuda", "cuda:1", "mps". Raises SettingsError unless it is there."""
    here = ["cpu", *_accelerators()]
    try:
        device = torch.device(name)
    except RuntimeError:
        raise SettingsError(f"device is {name!r}; here there are {', '.join(here)}") from None
    if device.type not in here or (device.index is not None and str(device) not in here):
        raise SettingsError(f"device is {name!r}, which this machine lacks; here there are {', '.join(here)}")
    return device


def _accelerators() -> list[str]:
    """The kind of the accelerators of this machine, and each of them by number."""
    if not torch.accelerator.is_available():
        return []
    accelerator = torch.accelerator.current_accelerator()
    assert accelerator is not None
    count = torch.accelerator.device_count()
    return [accelerator.type, *(f"{accelerator.type}:{number}" for number in range(count))]
