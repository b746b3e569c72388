"""What the page's plain RNN begins with and is trained on."""

import pytest
import torch

from keepgate.demo import rnn_recipe
from keepgate.demo.contestants import CONTESTANTS
from keepgate.demo.pretrained import LANGUAGES
from keepgate.demo.stories import distractors, stories
from keepgate.demo.story_templates import STORY_TEMPLATES


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_fact_stands_after_none_to_two_whole_sentences_and_before_its_question(language: str) -> None:
    between = STORY_TEMPLATES[language].between
    made = rnn_recipe.batch(7, language)
    alone = stories(len(made), None, seed=7, language=language)
    told = distractors(7, language)
    counts = set()
    for one, fact in zip(made, alone, strict=True):
        assert (one.question, one.answers) == (fact.question, fact.answers)
        ((start, end),) = one.facts
        assert one.text[start:end] == fact.text
        assert end == len(one.text)
        assert start <= one.starts[0] < end
        before = "" if start == 0 else between + one.text[: start - len(between)]
        assert one.text == (before + between + fact.text).removeprefix(between)
        count = 0
        while before:
            before, count = before.removeprefix(next(told)), count + 1
            assert count <= rnn_recipe.BEFORE
        counts.add(count)
    assert counts == {0, 1, 2}
    assert rnn_recipe.batch(7, language) == made
    assert rnn_recipe.batch(8, language) != made


def test_it_begins_as_the_comparison_s_does_but_for_its_recurrent_layer() -> None:
    (plain,) = (one for one in CONTESTANTS if one.name == "rnn")
    theirs, ours = plain.build(3), rnn_recipe.begin(3, "zh")
    assert ours.settings.init == "orthogonal"
    assert ours.settings.hidden_size == theirs.settings.hidden_size
    layer = ours.encoder.layer
    recurrent, inputs = layer.weight_hh_l0.detach(), layer.weight_ih_l0.detach()
    torch.testing.assert_close(recurrent @ recurrent.T, torch.eye(len(recurrent)), rtol=0, atol=1e-5)
    glorot = (6 / sum(inputs.shape)) ** 0.5
    assert 0.9 < inputs.abs().max() / (rnn_recipe.INPUT_SCALE * glorot) <= 1
