"""Style sheets of the folder say the same without their comments and blanks."""

from typing import Any

import pytest

from keepgate.serve import STATIC
from keepgate.site.trim import trimmed_css

# Every rule as the browser has read it; a value with a variable in it is kept as it was written.
RULES = """(css) => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  return [...sheet.cssRules].map((rule) => rule.cssText.replace(/\\s*,\\s*/g, ","));
}"""


@pytest.mark.parametrize("name", sorted(path.name for path in STATIC.glob("*.css")))
def test_a_browser_reads_the_same_rules(name: str, browser: Any) -> None:
    page = browser.new_page()
    text = (STATIC / name).read_text("utf-8")
    assert len(trimmed_css(text)) < len(text)
    assert page.evaluate(RULES, trimmed_css(text)) == page.evaluate(RULES, text) != []
    page.close()


def test_a_comment_ends_at_its_first_end() -> None:
    assert trimmed_css("/* one */ .a { b: c } .d /* two */ { e: f }") == ".a{b:c}.d{e:f}"


def test_what_says_something_stays() -> None:
    assert (
        trimmed_css("""/* first { } */
a  :hover, b > c {
  width: calc(100% - 2 * (1px + 2px)); /* why */
  content: "a ; b  /* c */ \\" , d";
}
@media (max-width: 9px) and (color) { i {} }
""")
        == """a :hover,b > c{width:calc(100% - 2 * (1px + 2px));content:"a ; b  /* c */ \\" , d";}@media (max-width:9px) and (color){i{}}"""
    )
