"""The tables about trainings that grow say in words what the figures say."""

import re

import pytest

from bench import markdown, processes, training_tables

FIGURES = {
    "machine": {"processor": "A processor", "cores": 2},
    "trainings": {
        name: {
            "lanes": lanes, "weights": 1000, "step_seconds": seconds, "step_cpu_seconds": seconds,
            "characters_per_second": speed,
        }
        for name, lanes, seconds, speed in (
            ("1", 32, 0.1, 100), ("2, the batch shared", 32, 0.06, 150), ("2, a batch each", 64, 0.1, 190)
        )
    },
    "startup_seconds": 1e-3,
    "bytes_per_second": 1e6,
}  # fmt: skip


def test_expected_speeds_follow_from_startups_and_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_tables, "result", lambda _: FIGURES)
    # Three meetings of 2 · 7 start-ups, and seven eighths of 4,000 bytes twice over each link.
    waiting = 3 * 14e-3 + 2 * 7 / 8 * 4000 / 1e6
    expected = 8 * 0.1 / (0.1 + waiting)
    assert processes.expected_speed(FIGURES, 8) == pytest.approx(expected)
    for language in (0, 1):
        words = training_tables.processes_in_words(language)
        figures = [float(figure) for figure in re.findall(r"\d+\.\d+", words)]
        assert sorted(figures) == sorted([1.9, 1.5, round(expected, 1)])
    assert f"| 8 | {1e3 * waiting:.1f} | {expected:.1f} |" in training_tables.processes(0)


@pytest.mark.parametrize("language", [0, 1])
def test_every_training_on_a_large_text_is_printed(language: int) -> None:
    for figures in markdown.result("large_text").values():
        assert f"{figures['peak_resident_gib']:.2f} GiB" in training_tables.large_text(language)
