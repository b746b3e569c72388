"""Readers: which tokens and sentences one answer rests on."""

from .answer_ablation import (
    answer_attribution,
    answer_influence,
    counterfactual_answer,
    leave_one_out_answers,
)
from .answer_origin import AnswerOrigin, answer_origin, is_guess
from .explanation import DirectionSummary, Explanation
from .gradient_saliency import saliency
from .integrated_gradients import IntegratedGradients, token_integrated_gradients, write_integrated_gradients
from .leave_one_out import TokenEffect, token_effects
from .reading import Reading, read
from .span_search import SpanEffect, hierarchical_search, sentence_spans, span_effects

__all__ = [
    "AnswerOrigin", "DirectionSummary", "Explanation", "IntegratedGradients", "Reading", "SpanEffect",
    "TokenEffect", "answer_attribution", "answer_influence", "answer_origin", "counterfactual_answer",
    "hierarchical_search", "is_guess", "leave_one_out_answers", "read", "saliency",
    "sentence_spans", "span_effects", "token_effects", "token_integrated_gradients",
    "write_integrated_gradients",
]  # fmt: skip
