"""python -m bench.before_training: the page's lines of the gradient before training, for static/before-training.js."""

import math

from keepgate.demo.pretrained import NAMES
from keepgate.demo.train_networks import COURSES
from keepgate.machine import one_thread
from keepgate.serve.gradients import gradient, story

LAGS = 200
EVERY = 10


def main() -> None:
    """Prints a row for each network, as it begins in `keepgate.demo.train_networks`."""
    for course in COURSES:
        for name in NAMES:
            with one_thread():
                values = gradient(course.begin(name), story(course.language, LAGS), LAGS)
            decades = ", ".join(f"{math.log10(float(each)):.2f}" for each in values[::EVERY])
            print(f'  "{course.language}/{name}": [{decades}],')


if __name__ == "__main__":
    main()
