"""Colours, and style sheets: variables where a page may be dark, the colours themselves where a figure stands alone.

The scale from closed to open is cividis, which reads the same with every kind of colour vision: Nuñez, Anderton &
Renslow (2018), PLoS ONE 13(7). Nothing is told by colour alone: bars are as high as their value.
"""

import re
from functools import cache

from ...charts import read_template, templates

# Okabe and Ito's colours (2008) for lines, darkened for text on white and lightened for a dark page.
LIGHT = {
    "paper": "#ffffff", "ink": "#1b1c1f", "soft": "#5b5e65", "hair": "#dedbd2", "trough": "#eceae4", "cap": "#5b5e65",
    "lane": "#f1ecdf", "mark": "#fff0c2", "accent": "#0a5d94", "on": "#ffffff",
    "s0": "#66686d", "s1": "#bb4500", "s2": "#007556", "s3": "#0062a3",
}  # fmt: skip
DARK = {
    "paper": "#17181b", "ink": "#ebe9e4", "soft": "#a9acb3", "hair": "#34373d", "trough": "#31343a", "cap": "#c9ccd2",
    "lane": "#221f18", "mark": "#4a3d12", "accent": "#7cc0f2", "on": "#131417",
    "s0": "#a9acb3", "s1": "#ff8f54", "s2": "#41cda1", "s3": "#62b5f2",
}  # fmt: skip
CIVIDIS = (
    "#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838",
)  # fmt: skip
# The rows of a token's strip, from the top; the height of one in pixels, and with the gap below it.
ROWS = "pqrstuvw"
ROW, STRIDE = 10, 13
LATIN = '"Noto Sans", "DejaVu Sans", "Liberation Sans", "Segoe UI", "Helvetica Neue", Arial, sans-serif'
CHINESE = '"Noto Sans CJK TC", "Noto Sans TC", "Source Han Sans TC", "PingFang TC", "Microsoft JhengHei"'
ROOT = ".keepgate-look"


def alone(words: str) -> str:
    """The style sheet of a figure that stands alone, on white; `words`: all that it says, for the choice of fonts."""
    return re.sub(r"var\(--(\w+)\)", lambda match: LIGHT[match[1]], _with_fonts(words))


def adapting(words: str) -> str:
    """The same for a figure that is an image inside a page, light or dark as the page shows it."""
    dark = f"@media (prefers-color-scheme: dark) {{ svg {{ {_variables(DARK)} }} }}"
    return f"svg {{ {_variables(LIGHT)} }}\n{dark}\n{_with_fonts(words)}"


def _with_fonts(words: str) -> str:
    """The style of pictures for one that is a file of its own, and has no page to take its fonts from."""
    chinese = any(ord(letter) > 0x2E7F for letter in words)
    families = f"{CHINESE}, {LATIN}" if chinese else f"{LATIN}, {CHINESE}"
    return (
        read_template(__package__, "picture.css")
        .replace(ROOT, "svg")
        .replace("font-family: inherit", f"font-family: {families}")
    )


@cache
def inside() -> str:
    """The style sheet of an explanation inside a page, all its rules below one class; light, dark and print."""
    levels = templates(__package__).get_template("levels.css.j2")
    levels_css = levels.render(rows=ROWS, height=ROW, stride=STRIDE, colours=CIVIDIS)
    rules = read_template(__package__, "look.css") + levels_css + read_template(__package__, "picture.css")
    # Images inside, and the bars that scroll, follow the scheme as well.
    light, dark = f"color-scheme: light; {_variables(LIGHT)}", f"color-scheme: dark; {_variables(DARK)}"
    # A notebook has a theme of its own, whatever the system's is: Jupyter, VS Code, Colab.
    return (
        f"{ROOT} {{ {light} }}\n@media (prefers-color-scheme: dark) {{ {ROOT} {{ {dark} }} }}\n"
        f'[data-jp-theme-light="true"] {ROOT}, .vscode-light {ROOT}, [theme="light"] {ROOT} {{ {light} }}\n'
        f'[data-jp-theme-light="false"] {ROOT}, .vscode-dark {ROOT}, [theme="dark"] {ROOT} {{ {dark} }}\n'
        f"@media print {{ {ROOT} {{ {light} }} }}\n{rules}"
    )


def page() -> str:
    """The style sheet of the whole page, to stand after `inside`."""
    return read_template(__package__, "page.css")


def _variables(palette: dict[str, str]) -> str:
    return " ".join(f"--{name}: {colour};" for name, colour in palette.items())
