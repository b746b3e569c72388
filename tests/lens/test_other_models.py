"""What takes a model or a reading of keepgate's own points to `explain` when it is given a torch model."""

import inspect

import pytest
from torch import nn

from keepgate import CellError
from keepgate.lens import readers

REFUSED = r"LSTM.*; keepgate\.lens\.explain\(model, inputs, tokens=…\) takes"
OF_A_READING = (
    "answer_attribution", "answer_influence", "counterfactual_answer", "hierarchical_search",
    "leave_one_out_answers", "saliency",
    "sentence_spans", "span_effects", "token_effects", "token_integrated_gradients", "write_integrated_gradients",
)  # fmt: skip


@pytest.mark.parametrize("name", OF_A_READING)
def test_a_measure_of_a_reading_names_the_call_that_takes_any_model(name):
    with pytest.raises(CellError, match=REFUSED):
        getattr(readers, name)(nn.LSTM(2, 3))


def test_what_takes_a_task_names_the_call_that_takes_any_model():
    # Unwrapped: the tests' own type checks would refuse the argument first.
    with pytest.raises(CellError, match=REFUSED):
        inspect.unwrap(readers.read)(nn.LSTM(2, 3), None)
