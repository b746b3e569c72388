"""The page's lines of the gradient before training are those of the networks as they begin."""

import math
import re

import pytest

from keepgate.demo.train_networks import COURSES
from keepgate.serve.app import STATIC
from keepgate.serve.gradients import gradient, story

LAGS, EVERY = 200, 10


@pytest.mark.parametrize("course", COURSES, ids=lambda course: course.language)
def test_the_lines_are_those_of_the_networks_before_training(course) -> None:
    text = (STATIC / "before-training.js").read_text("utf-8")
    drawn = dict(re.findall(r'"([\w/-]+)": \[(.+)\],', text))
    values = gradient(course.begin("lstm-zero"), story(course.language, LAGS), LAGS)
    written = [float(each) for each in drawn[f"{course.language}/lstm-zero"].split(",")]
    assert written == pytest.approx([math.log10(float(each)) for each in values[::EVERY]], abs=0.02)
