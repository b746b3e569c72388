// Work that waits until its place on the page is in sight.

/** Calls `act` when `touch()` was called and the host is in sight, once for each touch at most. */
export function whenVisible(host, act) {
  let visible = false;
  let wanted = false;
  const run = () => {
    if (!visible || !wanted) return;
    wanted = false;
    act();
  };
  new IntersectionObserver(
    (entries) => {
      visible = entries.at(-1).isIntersecting; // of several that came together the last one holds
      run();
    },
    { rootMargin: "100px 0px" },
  ).observe(host);
  return {
    touch() {
      wanted = true;
      run();
    },
  };
}
