"""How the strip shows the word that is explained and the word that the keys stand on: never two frames about one."""

from collections.abc import Callable
from typing import Any

import pytest

from .test_reading import token

Open = Callable[..., Any]

# What is drawn of a token of the first line: whether the ground of its letters is filled with ink, and whether its column
# is framed in the accent's colour, or thinly in another, by the points at its left edge between the lanes.
DRAWN = """async (number) => {
    const { state, reading, strip } = await import("./state.js");
    const { layOut, TEXT, LANE, BETWEEN } = await import("./layout.js");
    const { gapsOf } = await import("./text.js");
    const { palette } = await import("./strips.js");
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const host = document.getElementById("strip");
    const read = reading();
    const pen = document.createElement("canvas").getContext("2d");
    pen.font = `500 17px ${getComputedStyle(host).fontFamily}`;
    const laid = layOut({ tokens: read.tokens, gaps: gapsOf(state.text, read), askedFrom: read.question_start,
        width: host.clientWidth, lanes: Object.keys(strip().gates).length + 1, measure: (text) => pen.measureText(text).width });
    const cell = laid.lines[0].cells.find((each) => each.token === number);
    const canvas = host.querySelector("canvas").getContext("2d");
    const parts = (colour) => colour.match(/\\w\\w/g).map((part) => parseInt(part, 16));
    const at = (x, y) => [...canvas.getImageData(Math.round(x), Math.round(y), 1, 1).data];
    const like = (seen, name) => {
        const wanted = parts(palette()[name]);
        return seen[3] > 200 && wanted.every((value, k) => Math.abs(value - seen[k]) < 24);
    };
    const edge = [0, 1, 2].map((lane) => at(Math.floor(cell.x - 1.5), TEXT + lane * (LANE + BETWEEN) + LANE + 1));
    const ground = Array.from({ length: 8 }, (_, k) => at(cell.x + 3 + k, TEXT - 4)); // below the letters
    return {
        framed: edge.every((seen) => like(seen, "accent")),
        thin: edge.every((seen) => seen[3] > 60 && !like(seen, "accent")),
        filled: ground.every((seen) => like(seen, "ink")),
    };
}"""
NEITHER = {"framed": False, "thin": False, "filled": False}


@pytest.mark.parametrize("dark", [False, True])
def test_a_word_has_one_look_when_it_is_explained_and_one_when_the_keys_stand_on_it(
    dark: bool, visit: Open, shoot: Any
) -> None:
    page = visit("zh-TW", dark=dark, expect=("willReadFrequently",))
    token(page, 2)
    page.locator(".toggles").wait_for()
    page.mouse.move(5, 5)
    # Pressed: its ground is filled, and nothing is framed.
    assert page.evaluate(DRAWN, 2) == {**NEITHER, "filled": True}
    # Under the pointer still: no frame is added to it; another word has a thin one.
    box = page.locator("#strip").bounding_box()
    middle = {
        k: (box["x"] + 36 + (k + 0.5) * 21, box["y"] + 45) for k in (2, 5)
    }  # a cell is 21 wide, after 36
    page.mouse.move(*middle[2])
    page.locator("#tip").wait_for()
    assert page.evaluate(DRAWN, 2) == {**NEITHER, "filled": True}
    page.mouse.move(*middle[5])
    assert page.evaluate(DRAWN, 5) == {**NEITHER, "thin": True}
    page.mouse.move(5, 5)
    # Walked away from by keys: the frame goes with the keys, the ground stays; back again, both can be read together.
    page.keyboard.press("ArrowRight")
    assert page.evaluate(DRAWN, 2) == {**NEITHER, "filled": True}
    assert page.evaluate(DRAWN, 3) == {**NEITHER, "framed": True}
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(DRAWN, 2) == {**NEITHER, "framed": True, "filled": True}
    shoot(page, f"selected-{'dark' if dark else 'light'}")
    # Elsewhere on the page nothing of the keys' place is left.
    page.keyboard.press("Tab")
    assert page.evaluate(DRAWN, 2) == {**NEITHER, "filled": True}
