"""keepgate quantize: a smaller folder that the other commands take."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.models import choice, classifier, saved


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return saved(classifier(hidden_size=48).eval(), tmp_path / "model")


@pytest.mark.parametrize("options", [(), ("--weights", "bfloat16"), ("--linear",)])
def test_it_writes_a_model_that_answers(keepgate: Any, model: Path, tmp_path: Path, options: tuple) -> None:
    out = tmp_path / "narrow"
    ran = keepgate("quantize", model, out, *options)
    assert ran.code == 0, ran.err
    assert "size before" in ran.out
    assert "encoder.layer" in ran.out
    sizes = [(folder / "weights.safetensors").stat().st_size for folder in (out, model)]
    assert sizes[0] < sizes[1]
    assert f"{sizes[0]:,} bytes, {sizes[1]:,} before" in " ".join(ran.out.split())
    card = (out / "card.md").read_text()
    assert "keepgate quantize" in card
    text = tmp_path / "text.txt"
    text.write_text("A good story.\n")
    answers = [json.loads(keepgate("predict", folder, text).out) for folder in (out, model)]
    assert answers[0]["probability"] == pytest.approx(answers[1]["probability"], abs=0.05)


def test_what_cannot_be_done_is_one_line(keepgate: Any, model: Path, tmp_path: Path) -> None:
    ran = keepgate("quantize", model, model)
    assert ran.code == 2
    assert "is the model itself" in ran.err
    window = saved(choice(cell="feedforward", window=3, bidirectional=False).eval(), tmp_path / "window")
    ran = keepgate("quantize", window, tmp_path / "out")
    assert ran.code == 2
    assert "can be quantized" in ran.err
    assert not (tmp_path / "out").exists()
    ran = keepgate("quantize", tmp_path / "nothing", tmp_path / "out")
    assert ran.code == 3
    ran = keepgate("quantize", model, tmp_path / "out", "--weights", "int4")
    assert ran.code == 2
