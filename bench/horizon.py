"""The horizon that behaviour shows against the one that is predicted, over ten networks trained to different lengths.

    python -m bench.horizon [--out bench/results/horizon-MACHINE.json]

Each network is a GRU with chrono biases for the length that it is trained to: 300 steps on stories of up to so many
characters. All are then asked about the same new stories of 22 to 3,000 characters. The fact stands at the front, so
that a network can answer as far as it remembers. The horizon is `lens.diagnosis.horizon` of the probability that
is missing to the right answer (a loss that no wrong answer can blow up): the fewest last tokens with which it is within
0.02 of that given all.

Predicted is from the network's own states while it reads stories of 2,000 characters, without asking what it answers:
the lag from which less than 1 % of the gradient is left (where it never falls so far, by its decay length), the same by
the decay length alone, and the steps after which 1 % of the most lasting tenth of the units is left. Each is compared
with the horizon by its rank correlation, with the interval from drawing the networks again. The length that a network
was trained to is put beside them: who knows that needs no lens.
"""

import argparse
import json
import math
import random
import time
from pathlib import Path

import torch

from bench.machine import machine
from keepgate.charts import Curve, Curves, draw_curves, logarithmic
from keepgate.demo.contestants import BATCH, EMBEDDING, HIDDEN, Contestant, run_of
from keepgate.demo.stories import stories
from keepgate.errors import SettingsError
from keepgate.lens.diagnosis import horizon, rank_correlation
from keepgate.lens.diagnosis.effective_context import geometric_grid
from keepgate.lens.diagnosis.loss_gradient import loss_gradient_at_layer, recurrent_layer
from keepgate.lens.diagnosis.statistics import bootstrap
from keepgate.lens.gradients import decay_length, vanishing_lag
from keepgate.lens.memory import half_lives
from keepgate.lens.thresholds import VANISHED
from keepgate.tasks.choice import ChoiceReaderSettings
from keepgate.tasks.choice.reader import ChoiceReader
from keepgate.train import CurriculumStage
from keepgate.train.loop import fit

TRAINED = (22, 26, 30, 35, 40, 47, 55, 65, 80, 100)
STEPS = 300
ASKED = (
    22,
    27,
    33,
    41,
    50,
    62,
    76,
    94,
    116,
    143,
    176,
    217,
    267,
    329,
    405,
    499,
    615,
    757,
    932,
    1148,
    1414,
    1742,
    2146,
    3000,
)
EACH, SEED, LONG = 16, 3_000_000, 2000
EPSILON = 0.02
# The picture's own colours: those of the report's style sheet, for light and for dark.
STYLE = """
svg { --ink: #1b1c1f; --soft: #5b5e65; --hair: #dedbd2; --paper: #fcfbf8; --lane: #f1ecdf; background: var(--paper);
  --s0: #1b1c1f; --s1: #bb4500; --s2: #9a3f82; --s3: #0062a3; }
@media (prefers-color-scheme: dark) { svg { --ink: #ebe9e4; --soft: #a5a8af; --hair: #303339; --paper: #131417;
  --lane: #221f18; --s0: #ebe9e4; --s1: #ff8f54; --s2: #e39bca; --s3: #62b5f2; } }
text { font: 14px system-ui, "Noto Sans", Arial, sans-serif; fill: var(--ink); }
.axis, .tick { fill: var(--soft); font-size: 13px; }
.grid, .leader { stroke: var(--hair); }
.lane { fill: var(--lane); }
.guide { display: none; }
.series-0 { --it: var(--s0); } .series-1 { --it: var(--s1); }
.series-2 { --it: var(--s2); } .series-3 { --it: var(--s3); }
.line, .stroke { stroke: var(--it); stroke-width: 2.4; fill: none; }
.mark, .band, .name { fill: var(--it); }
.ring { fill: var(--paper); stroke: var(--it); stroke-width: 2; }
.band { opacity: .13; }
.name { font-weight: 600; }
"""
PREDICTED = ("gradient", "decay length", "half-life")


def trained(length: int) -> ChoiceReader:
    """A network that has seen stories of up to so many characters."""
    settings = ChoiceReaderSettings(
        cell="gru", pooling="last", bidirectional=False, embedding_size=EMBEDDING, hidden_size=HIDDEN,
        init="chrono", horizon=length,
    )  # fmt: skip
    task = Contestant(name=f"to {length}", settings=settings).build(0)

    def make(_: int, seed: int):
        drawn = possible(random.Random(seed).randint(22, length))
        return task.prepare(stories(BATCH, drawn, seed=seed), training=True)

    fit(task, run_of(0), stages=[CurriculumStage(STEPS, make, name=f"{length} characters")], progress=False)
    return task.eval()


def possible(length: int) -> int:
    """The longest that stories can be up to this: not every small number of characters can be filled."""
    while True:
        try:
            stories(0, length, seed=0)
        except SettingsError:
            length -= 1
        else:
            return length


def behaviour(task: ChoiceReader):
    """The horizon, and how likely the right answer is to stories of each length given all of them."""
    asked = [stories(EACH, possible(length), seed=SEED + k, split="test") for k, length in enumerate(ASKED)]
    samples = task.samples([one for each in asked for one in each])
    contexts = geometric_grid(max(int(sample.lengths.max()) for sample in samples), ratio=1.2)
    lines = []
    with torch.no_grad():
        for sample in samples:
            own = [n for n in contexts if n < int(sample.lengths.max())]
            found = torch.stack([1 - (-sample.losses(n)).exp().double() for n in (*own, None)])
            lines.append(torch.cat([found, found[-1:].expand(len(contexts) - len(found), -1)]))
        right = [float((-task.samples(each)[0].losses()).exp().mean()) for each in asked]
    return horizon(torch.cat(lines, 1), contexts, epsilon=EPSILON), right


def predicted(task: ChoiceReader) -> dict[str, float]:
    """How far back, by three ways, in tokens; infinity where nothing falls."""
    (sample,) = task.samples(stories(8, LONG, seed=SEED - 1, split="test"))
    name, layer = recurrent_layer(task, None)
    seen, gradient, _ = loss_gradient_at_layer(task, name, layer, sample)
    # The answer comes after the question, which is not counted.
    asked = int(sample.asked.max())
    gone, decay = vanishing_lag(gradient), decay_length(gradient)
    by_decay = decay * math.log(1 / VANISHED) - asked if decay > 0 else math.inf
    lives = half_lives(seen.trace.layer(-1)).mean(0)
    return {
        "gradient": max(float(gone - asked), 1.0) if gone is not None else max(by_decay, float(LONG)),
        "decay length": max(by_decay, 1.0),
        "half-life": float(lives.quantile(0.9)) * math.log2(1 / VANISHED),
    }


def measured(length: int) -> dict[str, object]:
    """One network: trained, asked, and looked into."""
    start = time.process_time()
    task = trained(length)
    learnt = time.process_time()
    found, right = behaviour(task)
    asked = time.process_time()
    return {
        "trained_to": length, "horizon": found.steps, "interval": list(found.interval), "predicted": predicted(task),
        "right": dict(zip(map(str, ASKED), right, strict=True)), "contexts": list(found.contexts),
        "gap": found.gap.tolist(), "cpu_s": {
            "training": learnt - start, "asking": asked - learnt, "looking": time.process_time() - asked,
        },
    }  # fmt: skip


def agreement(rows: list[dict]) -> dict[str, object]:
    """The rank correlation of each prediction with the horizon, and its interval over the networks."""
    shown = torch.tensor([float(row["horizon"]) for row in rows])
    result = {}
    for name in (*PREDICTED, "trained_to"):
        other = torch.tensor([float(row["predicted"].get(name, row["trained_to"])) for row in rows])
        # Networks drawn again may all be one and the same, which agree in nothing.
        low, high = bootstrap(
            lambda k, other=other: max(-1.0, min(1.0, _number(rank_correlation(shown[k], other[k])))),
            len(rows),
        )
        result[name] = {"rank_correlation": rank_correlation(shown, other), "interval": [low, high]}
    return result


def _number(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def drawn(rows: list[dict]) -> str:
    """The picture, with its own colours: horizons over the length that a network was trained to."""
    xs = [float(row["trained_to"]) for row in rows]
    lines = {"shown by behaviour": [float(row["horizon"]) for row in rows]}
    lines |= {f"predicted: {name}": [row["predicted"][name] for row in rows] for name in PREDICTED}
    curves = [
        Curve(
            name=name, style=k, xs=xs, ys=ys,
            lows=[row["interval"][0] for row in rows] if not k else (),
            highs=[row["interval"][1] for row in rows] if not k else (),
        )
        for k, (name, ys) in enumerate(lines.items())
    ]  # fmt: skip
    content = Curves(
        title="The horizon of ten networks", x_name="characters trained to", y_name="tokens", curves=curves,
        description="Behavioural and predicted horizon of ten GRUs, over the length of the stories they learnt from.",
        x=_axis(xs), y=logarithmic([y for ys in lines.values() for y in ys], lambda value: f"{value:,.0f}"),
    )  # fmt: skip
    picture = str(draw_curves(content, "horizon", 900.0, 460.0, "curves"))
    head = picture.index(">") + 1
    opening = picture[:head].replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    return f"{opening}<style>{STYLE}</style>{picture[head:]}\n"


def _axis(xs: list[float]):
    from keepgate.charts import Axis

    low, high = math.log(min(xs)), math.log(max(xs))
    return Axis(
        ticks=tuple((x, f"{x:.0f}") for x in xs), scale=lambda value: (math.log(value) - low) / (high - low)
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    # A gradient that vanishes ends in denormal numbers, with which a processor takes many times as long.
    torch.set_flush_denormal(True)
    rows = []
    for length in TRAINED:
        rows.append(measured(length))
        print({k: v for k, v in rows[-1].items() if k not in ("contexts", "gap", "right")}, flush=True)
    found = agreement(rows)
    print(json.dumps(found, indent=1))
    if given.out:
        result = {
            "machine": machine(),
            "steps": STEPS,
            "epsilon": EPSILON,
            "agreement": found,
            "networks": rows,
        }
        text = json.dumps(result, indent=1).replace("Infinity", "null")
        given.out.write_text(text + "\n", encoding="utf-8")
        given.out.with_suffix(".svg").write_text(drawn(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
