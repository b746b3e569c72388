"""Style sheets and pages without what a browser need not load."""

import re

_INDENT = re.compile(r"^[ \t]+", re.MULTILINE)
_BLANK = r"(?:\s|/\*(?:(?!\*/).)*\*/)"  # a comment separates as a blank does
_CSS = re.compile(
    rf"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|{_BLANK}*([{{}};,]){_BLANK}*|(:){_BLANK}+|{_BLANK}+""",
    re.DOTALL,
)


def trimmed_css(text: str) -> str:
    """A style sheet without comments and idle blanks; those of a string or of `calc(1px + 2px)` stay."""
    return _CSS.sub(lambda match: match[1] or match[2] or match[3] or " ", text).strip()


def unindented(text: str) -> str:
    """A text without the blanks at the start of its lines."""
    return _INDENT.sub("", text)
