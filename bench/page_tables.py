"""The tables about the page without a server: agreement with Python, strangers' questions, how fast it is."""

from collections.abc import Callable
from typing import Any

from bench.markdown import result, table

NETWORKS = {"open-rnn": "RNN", "open-lstm": "LSTM", "open-gru": "GRU", "open-mingru": "minGRU"}
DIFFERENCES = ("probability", "gates", "states")
ACTS = {
    "story": "another story",
    "length": "a story of another length",
    "language": "the page in the other language, its story too",
    "typed": "a letter typed",
    "read": "reading what was typed",
    "answer": "what an answer stands on",
    "network": "another network",
    "what-if": "a word taken out",
    "token": "what is left of a word",
    "values": "another unit, step by step",
    "phase": "the next phase",
    "step": "the next token",
    "seek": "the slider over the tokens",
    "letters": "a textbook's letters",
    "longer": "the slider of lengths",
    "lengthen": "all lengths of another story",
    "bias": "the bias's slider",
    "lag": "the lag's slider",
    "gradient": "gradients under another scale",
    "guide": "a step of the guide, its story too",
}


def agreement(_: int) -> str:
    """The networks in the browser beside Python's."""
    rows = []
    for kind, found in result("site").items():
        for what, compared in (("stories", found["readings"]), ("changes", found["interventions"])):
            count = f"{found['stories'] if what == 'stories' else compared['compared']:,} {what}"
            largest = [f"{compared[name]:.0e}" if what == "stories" else "–" for name in DIFFERENCES[1:]]
            differs = [f"{compared['other_answers']}", f"{compared['probability']:.0e}", *largest]
            rows.append([kind, count, f"{compared['compared']:,}", *differs])
    head = ["", "", "answers compared", "other answers", "probability", "gates", "states"]
    served = max(found["as_served"]["gates"] for found in result("site").values())
    note = (
        "The largest differences, with Python's networks in float64 as the browser's are; in float32, as "
        f"`keepgate serve` has them, gates differ by up to {served:.0e}. Each shipped network reads the stories of its "
        "language; a change takes words out, leaves writes out, forbids erasures, at random tokens "
        "(`python -m bench.site`)."
    )
    return table(head, rows) + "\n\n" + note


def strangers(_: int) -> str:
    """Questions as strangers type them: right, and announced where not."""
    found = result("strangers")
    rows, unsure = [], []
    for name, shown in NETWORKS.items():
        count = found["networks"][name]
        unsure.append(f"{shown} {count['others announced: unsure']}")
        announced = count["others announced"]
        rows.append(
            [
                shown,
                f"{count['right']} of {found['questions']}",
                f"{announced} of {count['others']} ({announced / count['others']:.1%})",
                f"{count['right announced']}",
            ]
        )
    head = ["", "right", "announced, of the others", "of the right ones announced too"]
    only = f"Of the others that are announced, said to be no more than unsure: {', '.join(unsure)}."
    note = "One seed; the list and its readings: docs/design.md (`python -m bench.strangers`)."
    return table(head, rows) + f"\n\n{only} {note}"


def load(_: int) -> str:
    """Time to the first picture, bytes and requests, and how long interactions take."""
    try:
        found = result("page_load")
    except FileNotFoundError:
        return "*Not measured yet.*"
    languages = {"en": "English", "zh-TW": "Chinese"}
    slow = f"cpu {found['cpu']:g}"
    lines: list[tuple[str, Callable[[dict[str, Any]], str]]] = [
        ("first picture, ms", lambda of: f"{of['picture']:,}"),
        ("networks have answered, ms", lambda of: f"{of['networks']:,}"),
        ("longest task, ms", lambda of: f"{of['longest']}"),
        ("kB, compressed", lambda of: f"{of['bytes'] / 1000:.0f}"),
        ("requests; to other hosts", lambda of: f"{of['requests']}; {of['elsewhere']}"),
        *[
            (
                f"{what}, ms",
                lambda of, act=act: f"{of['interactions']['cpu 1'][act]}; {of['interactions'][slow][act]}",
            )
            for act, what in ACTS.items()
            if act in found["en"]["interactions"]["cpu 1"]
        ],
    ]
    rows = [[what, *[show(found[language]) for language in languages]] for what, show in lines]
    note = (
        f"Medians of {found['times']}, in Chromium with a window of 400 pixels, round trips of "
        f"{found['network']['latency']} ms, 1.6 Mbit/s and a processor slowed down {found['cpu']:g} times; "
        "an interaction (a story of 300 characters, 1,200 in English) as it is, then slowed down. "
        f"{found['machine']['processor']} (`python -m bench.page_load`)."
    )
    return table(["", *languages.values()], rows) + "\n\n" + note


TABLES: dict[str, Callable[[int], str]] = {
    "page_agreement": agreement,
    "page_strangers": strangers,
    "page_load": load,
}
