import pytest
import torch

from keepgate.data.questions import Question
from keepgate.tasks.span.network import BLOCK, NEVER, _onward, _products
from keepgate.tasks.span.reader import SpanReader
from keepgate.tasks.span.settings import SpanReaderSettings


@pytest.mark.parametrize("time", [1, 3, BLOCK - 1, BLOCK, BLOCK + 2, 2 * BLOCK + 1])
def test_products_of_starts_and_ends_are_those_of_the_whole_square(time: int) -> None:
    first, second, count = torch.randn(time, 2, 5), torch.randn(time, 2, 5), 4
    square = torch.einsum("tbp,sbp->bts", first, second)
    found = _products(first, second, count)
    for more in range(count):
        inside = max(time - more, 0)
        torch.testing.assert_close(
            found[:, :inside, more], square.diagonal(more, 1, 2) if inside else square[:, :0, 0]
        )
        assert not found[:, inside:, more].any()


def test_onward_shifts_and_fills() -> None:
    found = _onward(torch.arange(3.0)[None], 2, NEVER)
    assert found.tolist() == [[[0, 1], [1, 2], [2, NEVER]]]


def test_a_row_has_the_same_scores_alone_and_among_longer_ones(
    questions: list[Question], settings: SpanReaderSettings
) -> None:
    reader = SpanReader.build(questions, settings, seed=1).eval()
    long = Question(text=questions[0].text * 3, question="他長大以後在哪裡當了什麼, 又是哪一年出生的?")
    examples = reader.prepare([questions[0], long, questions[4]], training=False)
    together, alone = (reader.collate(some) for some in (examples, examples[:1]))
    with torch.no_grad():
        among = reader.network(together.text, together.question)
        single = reader.network(alone.text, alone.question)
    time = examples[0].length
    for name in ("start", "end", "span"):
        torch.testing.assert_close(
            getattr(among, name)[:1, :time], getattr(single, name), rtol=1e-4, atol=1e-4
        )
        shares = getattr(among, name)[0].flatten().softmax(0).view(getattr(among, name)[0].shape)
        assert shares[time:].sum() == 0, name


def test_a_span_is_scored_by_its_start_its_end_its_size_and_both_together(
    questions: list[Question], settings: SpanReaderSettings
) -> None:
    reader = SpanReader.build(questions, settings, seed=1).eval()
    network = reader.network
    batch = reader.collate(reader.prepare(questions[:2], training=False))
    with torch.no_grad():
        for layer in (network.from_start, network.size_by_question):
            layer.weight.zero_()
            layer.bias.zero_()
        network.size[2] = 7.0
        scores = network(batch.text, batch.question)
    expected = scores.start[:, 3] + scores.end[:, 5] + 7.0
    torch.testing.assert_close(scores.span[:, 3, 2], expected)
