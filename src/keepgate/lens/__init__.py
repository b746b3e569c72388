"""Trace → what a person sees: what was written, what was erased, and how far back a network remembers."""

from .answers import answer_if, answers_without, influence_on
from .attach import Attached, attach
from .attribution import Shares, attribute, attribute_last, attribute_over_time
from .carriers import Carrier, carriers
from .examine import Report, examine
from .fate import Fate, fate
from .gradient import carried_by_lag, decay_length, explodes, gone_after, gradient_by_lag, gradient_of_run
from .horizon import Horizon, horizon, losses_by_context
from .influence import influence
from .integrated import Integrated, token_shares, write_shares
from .intervene import Where, drop_writes, effects, forbid_erasures, replaying, swap_memories
from .jacobian import jacobian
from .leave_out import leave_out
from .life import Saturation, half_life, half_lives, saturation
from .look import Look, look
from .lyapunov import lyapunov
from .pieces import Piece, drop_pieces, search, without_pieces
from .reading import Reading, read
from .rerun import Rerun
from .seen import Seen, adopt, see
from .sensitivity import sensitivity
from .statistics import rank_correlation
from .verdict import Verdict
from .watch import Watch
from .what_if import what_if
from .writes import Writes, erased, erased_by, erasures, initial_left, left_at, left_of, states_of, writes_of

__all__ = [
    "Attached",
    "Carrier",
    "Fate",
    "Horizon",
    "Integrated",
    "Look",
    "Piece",
    "Reading",
    "Report",
    "Rerun",
    "Saturation",
    "Seen",
    "Shares",
    "Verdict",
    "Watch",
    "Where",
    "Writes",
    "adopt",
    "answer_if",
    "answers_without",
    "attach",
    "attribute",
    "attribute_last",
    "attribute_over_time",
    "carried_by_lag",
    "carriers",
    "decay_length",
    "drop_pieces",
    "drop_writes",
    "effects",
    "erased",
    "erased_by",
    "erasures",
    "examine",
    "explodes",
    "fate",
    "forbid_erasures",
    "gone_after",
    "gradient_by_lag",
    "gradient_of_run",
    "half_life",
    "half_lives",
    "horizon",
    "influence",
    "influence_on",
    "initial_left",
    "jacobian",
    "leave_out",
    "left_at",
    "left_of",
    "look",
    "losses_by_context",
    "lyapunov",
    "rank_correlation",
    "read",
    "replaying",
    "saturation",
    "search",
    "see",
    "sensitivity",
    "states_of",
    "swap_memories",
    "token_shares",
    "what_if",
    "without_pieces",
    "write_shares",
    "writes_of",
]
