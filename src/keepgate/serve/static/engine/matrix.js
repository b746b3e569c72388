// A matrix times a vector: by WebAssembly, two rows at once, where the browser lets it run; else in JavaScript.

import { BLOCK, MULTIPLY } from "./constants.js";
import { bytesOf } from "./weights.js";

const PAGE = 65536; // bytes by which WebAssembly's memory grows
const code = compiled();
let used = 0;

/** The compiled product and its memory; null without WebAssembly or its vectors, and where the page's policy forbids it. */
function compiled() {
  try {
    return new WebAssembly.Instance(new WebAssembly.Module(bytesOf(MULTIPLY))).exports;
  } catch {
    return null;
  }
}

/** Where so many bytes of the memory begin. */
function reserve(bytes) {
  const start = used;
  used += bytes;
  const missing = used - code.memory.buffer.byteLength;
  if (missing > 0) code.memory.grow(Math.ceil(missing / PAGE));
  return start;
}

export class Matrix {
  /** data: the numbers row by row, or with another distance from a row and from a column to the next. */
  constructor(data, rows, columns, down = columns, across = 1) {
    Object.assign(this, { data, rows, columns });
    this.height = code ? Math.ceil(rows / BLOCK) * BLOCK : rows;
    this.start = code && reserve(8 * (this.height * columns + columns + this.height));
    const numbers = code ? this.part(0, this.height * columns) : new Float64Array(rows * columns);
    for (let column = 0; column < columns; ++column)
      for (let row = 0; row < rows; ++row) numbers[column * this.height + row] = data[row * down + column * across];
    this.numbers = code ? null : numbers;
    this.vector = this.sum = new Float64Array(0);
  }

  part = (first, count) => new Float64Array(code.memory.buffer, this.start + 8 * first, count);

  /** The same numbers with rows for columns; made when it is first asked for. */
  get transposed() {
    return (this.other ??= new Matrix(this.data, this.columns, this.rows, 1, this.columns));
  }

  /** Adds matrix · vector · scale to the first numbers of a vector, and returns that. */
  addTo(into, vector, scale = 1) {
    if (code) this.multiply(into, vector, scale);
    else addColumns(this, into, vector, scale);
    return into;
  }

  multiply(into, vector, scale) {
    const { rows, columns, height, start } = this;
    const size = height * columns;
    // Views of a memory are empty once it has grown.
    if (!this.sum.length) [this.vector, this.sum] = [this.part(size, columns), this.part(size + columns, height)];
    for (let k = 0; k < columns; ++k) this.vector[k] = scale * vector[k];
    for (let row = 0; row < rows; ++row) this.sum[row] = into[row];
    const vectorAt = start + 8 * size;
    const sumAt = vectorAt + 8 * columns;
    code.multiply(start, vectorAt, sumAt, 8 * height, sumAt, sumAt + 8 * height);
    for (let row = 0; row < rows; ++row) into[row] = this.sum[row];
  }
}

/** Four columns at a time, so that what is added to is read and written less often. */
function addColumns({ numbers, rows, columns }, into, vector, scale) {
  let [k, at] = [0, 0];
  for (; k + 3 < columns; k += 4) {
    const [a, b, c, d] = [scale * vector[k], scale * vector[k + 1], scale * vector[k + 2], scale * vector[k + 3]];
    for (let row = 0; row < rows; ++row, ++at)
      into[row] =
        into[row] + numbers[at] * a + numbers[at + rows] * b + numbers[at + 2 * rows] * c + numbers[at + 3 * rows] * d;
    at += 3 * rows;
  }
  for (; k < columns; ++k) for (let row = 0; row < rows; ++row, ++at) into[row] += numbers[at] * (scale * vector[k]);
}

/** weight · vector + bias, of tensors; bias: null for none. */
export function linear(weight, vector, bias) {
  weight.matrix ??= new Matrix(weight.data, ...weight.shape);
  return weight.matrix.addTo(bias ? new Float64Array(bias.data) : new Float64Array(weight.shape[0]), vector);
}
