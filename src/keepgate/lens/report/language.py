"""The languages in which the lens speaks."""

from typing import Literal

from ...errors import SettingsError, nearest_first

Language = Literal["en", "zh-TW"]
LANGUAGES: tuple[Language, ...] = ("en", "zh-TW")


def refuse_unknown(language: str) -> None:
    """Raises SettingsError for a language that a look does not speak."""
    if language not in LANGUAGES:
        raise SettingsError(
            f"language is {language!r}; choose one of {', '.join(nearest_first(language, LANGUAGES))}"
        )
