// Presses on buttons that are drawn anew between a pointer's going down and up, as when a reply comes meanwhile.

const buttonAt = (target) => target.closest?.("button[data-keep]") ?? null;

/** A press counts for the button that has taken the place of the one it began on: no browser clicks that by itself. */
export function startPresses() {
  let pressed = null;
  addEventListener("pointerdown", ({ target, button }) => (pressed = button === 0 ? buttonAt(target) : null), true);
  addEventListener(
    "pointerup",
    ({ target }) => {
      const button = buttonAt(target);
      if (pressed && !pressed.isConnected && button?.dataset.keep === pressed.dataset.keep) button.click();
      pressed = null;
    },
    true,
  );
}
