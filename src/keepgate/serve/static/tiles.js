// A long drawing as canvases of a few lines each; only those in sight are drawn, and the others hold no pixels.

const LINES = 6; // lines in a tile
const MARGIN = 500; // pixels outside the window in which a tile is drawn already
const AT_ONCE = 1; // new tiles that are drawn before it is known what is in sight

/** Tiles inside a host. `draw(pen, line, width)` draws one line at the pen's origin. */
export class Tiles {
  constructor(host, draw) {
    this.host = host;
    this.draw = draw;
    this.tiles = [];
    this.waiting = false;
    this.watch = new IntersectionObserver((seen) => this.#seen(seen), { rootMargin: `${MARGIN}px 0px` });
  }

  /** Takes a new arrangement of lines and draws what is in sight, the beginning at once. */
  arrange({ lines, height, line }, width) {
    this.width = width;
    this.line = line;
    this.host.style.height = `${height}px`;
    const needed = Math.ceil(lines.length / LINES);
    while (this.tiles.length > needed) {
      const { canvas } = this.tiles.pop();
      this.watch.unobserve(canvas);
      canvas.remove();
    }
    const known = this.tiles.length;
    for (let k = 0; k < needed; k += 1) {
      const part = lines.slice(k * LINES, (k + 1) * LINES);
      if (!this.tiles[k]) this.#add();
      const tile = this.tiles[k];
      tile.lines = part;
      tile.canvas.style.top = `${k * LINES * line}px`;
      tile.canvas.style.width = `${width}px`;
      tile.canvas.style.height = `${part.length * line}px`;
      if (k < known || k >= AT_ONCE) continue;
      tile.visible = true;
      this.#paint(tile);
    }
    if (known) this.redraw();
  }

  /** Draws what is in sight again, once before the next frame however often it is asked. */
  redraw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      for (const tile of this.tiles) if (tile.visible) this.#paint(tile);
    });
  }

  #add() {
    const canvas = document.createElement("canvas");
    canvas.setAttribute("aria-hidden", "true");
    const tile = { canvas, lines: [], visible: false };
    this.tiles.push(tile);
    this.host.append(canvas);
    this.watch.observe(canvas);
  }

  #seen(entries) {
    for (const { target, isIntersecting } of entries) {
      const tile = this.tiles.find(({ canvas }) => canvas === target);
      if (!tile) continue;
      if (isIntersecting && !tile.visible) this.#paint(tile);
      if (!isIntersecting) target.width = target.height = 0;
      tile.visible = isIntersecting;
    }
  }

  #paint({ canvas, lines }) {
    const dots = window.devicePixelRatio || 1;
    const width = Math.round(this.width * dots);
    const height = Math.round(lines.length * this.line * dots);
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const pen = canvas.getContext("2d");
    pen.setTransform(dots, 0, 0, dots, 0, 0);
    pen.clearRect(0, 0, this.width, lines.length * this.line);
    lines.forEach((line, k) => {
      pen.setTransform(dots, 0, 0, dots, 0, k * this.line * dots);
      this.draw(pen, line);
    });
  }
}
