"""One forward pass of a recurrent layer, ours or torch's, recorded: inputs, states, gates."""

from .hooks import Attached, attach
from .layer_run import Seen, adopt, see

__all__ = ["Attached", "Seen", "adopt", "attach", "see"]
