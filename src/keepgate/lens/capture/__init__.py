"""One forward pass of a recurrent layer, keepgate's or torch's, recorded: inputs, initial states, gates, states."""

from .hooks import Attached, attach
from .layer_run import LayerRun, as_keepgate_layer, capture_layer

__all__ = ["Attached", "LayerRun", "as_keepgate_layer", "attach", "capture_layer"]
