"""Pretrained networks that come with the package: names and folders."""

from pathlib import Path

from .story_templates import Language

FOLDER = Path(__file__).parent / "networks"
LANGUAGES: tuple[Language, ...] = ("zh", "en")
# As in `contestants`: one that forgets at once, one that forgets soon, and three that remember.
NAMES = ("rnn", "lstm-zero", "lstm-chrono", "gru-chrono", "mingru-chrono")
# Those that point at an answer in people's own sentences.
OPEN_NAMES = ("open-rnn", "open-lstm", "open-gru", "open-mingru")


def folders() -> dict[str, Path]:
    """The folder of each network of the experiment, by "LANGUAGE/NAME"."""
    return _folders(NAMES)


def open_folders() -> dict[str, Path]:
    """The folder of each network that reads people's own sentences, by "LANGUAGE/NAME"."""
    return _folders(OPEN_NAMES)


def _folders(names: tuple[str, ...]) -> dict[str, Path]:
    return {f"{language}/{name}": FOLDER / language / name for language in LANGUAGES for name in names}
