"""A made-up result in the shape of a real one, for the tests of the report; its numbers are nobody's measurements."""

import math

from keepgate.demo.result import Comparison, GradientLine, Network, SeedRun, Strip
from keepgate.machine import Machine

LENGTHS = (22, 100, 300, 1000)
SENTENCE = "魯夫說他想成為海賊王。"
MACHINE = Machine(
    processor="Example processor, 2 cores", cores=2, threads=1, memory=None, instruction_set="AVX2", extras=None,
    accelerators=(), system="Linux", python="3.11.7", torch="2.13.0",
)  # fmt: skip


def runs(*accuracies, answer="魯夫", probability=0.98, seconds=14.0, lengths=LENGTHS):
    """One run a tuple of accuracies, seeds counted from 0."""
    return tuple(
        SeedRun(
            seed=seed,
            steps=910,
            seconds=seconds + 0.37 * seed,
            cpu_seconds=seconds + 0.2 * seed,
            loss=0.031,
            accuracy=dict(zip(lengths, values, strict=True)),
            answer=answer,
            probability=probability,
            candidates=((answer, probability), ("索隆", (1 - probability) / 2)),
        )
        for seed, values in enumerate(accuracies)
    )


def falling(rate, furthest=200, smallest=0.0, wobble=0.25):
    """A gradient that changes by a constant factor a step, and is zero once it is smaller than the smallest number."""
    lags = tuple(range(furthest + 1))
    values = [math.exp(math.log(rate) * lag + wobble * math.sin(1.7 * lag) * min(1, lag / 5)) for lag in lags]
    return GradientLine(lags=lags, values=tuple(value if value > smallest else 0.0 for value in values))


def strip(gates, change):
    """Bars over the article's sentence, its first values given and the rest repeated from them."""
    tokens = tuple(SENTENCE)

    def filled(values):
        return tuple(values[t % len(values)] for t in range(len(tokens)))

    return Strip(
        tokens=tokens,
        gates={gate: filled(values) for gate, values in gates.items()},
        change={state: (math.nan, *filled(values)[1:]) for state, values in change.items()},
    )


def network(name, cell, parameters, **more):
    return Network(name=name, cell=cell, parameters=parameters, **more)


def comparison(**changed):
    """The whole result, with what is named replaced."""
    networks = (
        network(
            "feedforward",
            None,
            7_312,
            runs=runs(
                (0.0664, 0.0547, 0.0703, 0.0625),
                (0.07, 0.06, 0.05, 0.08),
                answer="娜美",
                probability=0.08,
                seconds=3.1,
            ),
        ),
        network(
            "rnn",
            "rnn",
            11_440,
            runs=runs(
                (0.41, 0.066, 0.055, 0.07),
                (0.22, 0.06, 0.07, 0.051),
                answer="索隆",
                probability=0.12,
                seconds=6.2,
            ),
            before=falling(0.664, smallest=1.5e-23),
            after=falling(0.81),
        ),
        network(
            "lstm-zero",
            "lstm",
            30_160,
            runs=runs(
                (0.998, 0.13, 0.066, 0.0742),
                (1.0, 0.09, 0.07, 0.059),
                answer="騙人布",
                probability=0.61,
                seconds=12.4,
            ),
            before=falling(0.69),
            after=falling(0.77),
            strip=strip(
                {
                    "i": (0.48, 0.55, 0.51, 0.44),
                    "f": (0.5, 0.53, 0.61, 0.47, 0.49),
                    "o": (0.52, 0.6, 0.31, 0.44, 0.5, 0.7),
                },
                {"c": (0.7, 0.64, 0.81, 0.55), "h": (0.79, 0.71, 0.9, 0.62)},
            ),
        ),
        network(
            "lstm-chrono",
            "lstm",
            30_160,
            runs=runs((1.0, 1.0, 1.0, 0.996), (1.0, 1.0, 1.0, 1.0), probability=0.9991, seconds=12.6),
            before=falling(0.9904),
            after=falling(0.9991),
            strip=strip(
                {
                    "i": (0.81, 0.75, 0.12, 0.09, 0.22),
                    "f": (0.93, 0.96, 0.99, 0.985),
                    "o": (0.42, 0.6, 0.31, 0.44, 0.5, 0.7),
                },
                {"c": (0.2, 0.11, 0.08, 0.05), "h": (0.59, 0.31, 0.4, 0.42)},
            ),
        ),
        network(
            "gru",
            "gru",
            23_536,
            runs=runs((1.0, 1.0, 0.99, 0.98), (1.0, 1.0, 1.0, 1.0), probability=0.973, seconds=10.9),
            before=falling(0.9906),
            after=falling(0.9989),
            strip=strip(
                {"r": (0.5, 0.62, 0.31), "z": (0.9, 0.95, 0.99, 0.985, 0.7)}, {"h": (0.2, 0.12, 0.08, 0.15)}
            ),
        ),
        network("rnn-scaled", "rnn", 11_440, before=falling(1.062, wobble=0.6), scale=2.5),
    )
    poolings = (
        network(
            "last",
            "gru",
            40_000,
            bidirectional=True,
            runs=runs((0.36, 0.34, 0.33, 0.31), (0.35, 0.33, 0.35, 0.34), lengths=(43, *LENGTHS[1:])),
        ),
        network(
            "attention",
            "gru",
            41_000,
            bidirectional=True,
            runs=runs((1.0, 0.99, 0.98, 0.973), (0.99, 0.985, 0.99, 0.98), lengths=(43, *LENGTHS[1:])),
        ),
    )
    whole = {
        "networks": networks,
        "lengths": LENGTHS,
        "stories": 256,
        "chance": 1 / 16,
        "seeds": (0, 1),
        "sentence": SENTENCE,
        "question": "是誰想要成為海賊王？",
        "expected": "魯夫",
        "distance": 980,
        "machine": MACHINE,
        "version": "0.1.0",
        "command": "keepgate compare --seeds 2",
        "finished": "2026-11-23 06:00",
        "settings": {
            "steps × characters, several facts": "250 × 44, 200 × 44/100, 40 × 100/300, 10 × 300/1000",
            "embedding": 32,
            "hidden": 64,
            "batch": 64,
            "learning rate": 3e-3,
            "lengths trained": (22, 40, 100, 300, 1000),
        },
        "poolings": poolings,
        "facts": 3,
    }
    return Comparison(**{**whole, **changed})
