// Work in short tasks: what is seen is drawn first, and whoever presses something meanwhile is heard.

/** When the browser has had a moment for all else. */
export const breath = () =>
  new Promise((next) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      next();
    };
    port2.postMessage(null); // in a tab in the background a clock would take a second
  });

/** When what is shown has been drawn; at the latest after a moment, since a tab in the background draws nothing. */
export const painted = () =>
  new Promise((next) => {
    requestAnimationFrame(() => setTimeout(next));
    setTimeout(next, 500);
  });

/** Has `act` done in a task of its own once what is shown has been drawn, and once only for all calls until then. */
export function later(act) {
  let waiting = false;
  return async () => {
    if (waiting) return;
    waiting = true;
    await painted();
    waiting = false;
    act();
  };
}
