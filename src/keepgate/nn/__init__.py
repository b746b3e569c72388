"""Layers: drop-in for torch.nn's, with a trace of every gate and state; and what readers are built from."""

from .attention import Attention, masked_softmax
from .dropout import LockedDropout
from .encoder import CELL_NAMES, CellName, Encoder
from .explain import Explained, Explanation, explain
from .feedforward import Window
from .init import INITS, Init, check_init
from .layers import GRU, LSTM, RNN
from .recurrent import Recurrent
from .step import GRUCell, LSTMCell, RNNCell
from .stepper import Snapshot, Stepper
from .trace import LayerTrace, Trace

__all__ = [
    "CELL_NAMES",
    "GRU",
    "INITS",
    "LSTM",
    "RNN",
    "Attention",
    "CellName",
    "Encoder",
    "Explained",
    "Explanation",
    "GRUCell",
    "Init",
    "LSTMCell",
    "LayerTrace",
    "LockedDropout",
    "RNNCell",
    "Recurrent",
    "Snapshot",
    "Stepper",
    "Trace",
    "Window",
    "check_init",
    "explain",
    "masked_softmax",
]
