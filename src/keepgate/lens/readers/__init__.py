"""One question, one answer: which tokens and sentences it rests on."""

from .answer_ablation import answer_if, answer_shares, answers_without, influence_on, scores_without
from .explanation import Explanation, Pass
from .gradient_saliency import sensitivity
from .integrated_gradients import Integrated, token_shares, write_shares
from .leave_one_out import Carrier, carriers
from .reading import Reading, read
from .search import Piece, search, sentences, without_pieces

__all__ = [
    "Carrier",
    "Explanation",
    "Integrated",
    "Pass",
    "Piece",
    "Reading",
    "answer_if",
    "answer_shares",
    "answers_without",
    "carriers",
    "influence_on",
    "read",
    "scores_without",
    "search",
    "sensitivity",
    "sentences",
    "token_shares",
    "without_pieces",
    "write_shares",
]
