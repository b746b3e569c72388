"""Layers: drop-in for torch.nn's, with a trace of every gate and state; and what readers are built from."""

from ..cells.choices import CELL_NAMES, INITS, Init, check_init
from .attention import Attention, masked_softmax
from .dropout import LockedDropout
from .ea_lstm import EALSTM
from .encoder import Encoder
from .freezing import freeze, thaw
from .gates import Gates
from .kernel_report import KernelReport, PlaceKernels, explain_kernels
from .layers import GRU, LSTM, RNN
from .recurrent import Recurrent
from .rnn_cells import GRUCell, LSTMCell, RNNCell
from .stepper import Snapshot, Stepper
from .time_delay import TimeDelayLayer
from .trace import LayerTrace, Trace

__all__ = [
    "CELL_NAMES",
    "EALSTM",
    "GRU",
    "INITS",
    "LSTM",
    "RNN",
    "Attention",
    "Encoder",
    "GRUCell",
    "Gates",
    "Init",
    "KernelReport",
    "LSTMCell",
    "LayerTrace",
    "LockedDropout",
    "PlaceKernels",
    "RNNCell",
    "Recurrent",
    "Snapshot",
    "Stepper",
    "TimeDelayLayer",
    "Trace",
    "check_init",
    "explain_kernels",
    "freeze",
    "masked_softmax",
    "thaw",
]
