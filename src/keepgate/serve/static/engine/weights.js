// The tensors of a safetensors file, and those that are packed in whole numbers.

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";

/** The bytes of a text in base 85, five letters for four of them, as Python's base64.b85encode writes it. */
export function bytesOf(text) {
  const values = new Uint8Array(128);
  [...DIGITS].forEach((digit, value) => (values[digit.charCodeAt(0)] = value));
  const bytes = new Uint8Array(Math.ceil(text.length / 5) * 4);
  for (let at = 0; at < text.length; at += 5) {
    let number = 0;
    for (let k = at; k < at + 5; ++k) number = number * 85 + (k < text.length ? values[text.charCodeAt(k)] : 84);
    for (let k = 3; k >= 0; --k, number = Math.floor(number / 256)) bytes[(at / 5) * 4 + k] = number % 256;
  }
  return bytes.slice(0, Math.floor((text.length * 4) / 5));
}

/** Tensors by name, { shape, data }, from a file of float32 as text. */
export function tensorsOf(text) {
  const bytes = bytesOf(text);
  const view = new DataView(bytes.buffer);
  const begin = 8 + Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, begin)));
  const tensors = {};
  for (const [name, { dtype, shape, data_offsets: [from, to] }] of Object.entries(header)) {
    if (dtype !== "F32") throw new Error(`the tensor ${name} is ${dtype}; the page reads F32`);
    const data = new Float64Array((to - from) / 4);
    for (let k = 0; k < data.length; ++k) data[k] = view.getFloat32(begin + from + 4 * k, true);
    tensors[name] = { shape, data };
  }
  return tensors;
}

/**
 * Tensors by name, { shape, data }, from rows of whole numbers of a byte, each with a step of float32, as text; a tensor
 * without steps is of float32.
 */
export function widened(packed) {
  const tensors = {};
  for (const [name, { shape, numbers, steps }] of Object.entries(packed)) {
    const bytes = bytesOf(numbers);
    if (!steps) {
      tensors[name] = { shape, data: Float64Array.from(new Float32Array(bytes.buffer)) };
      continue;
    }
    const scale = new Float32Array(bytesOf(steps).buffer);
    const data = Float64Array.from(new Int8Array(bytes.buffer), (number, k) => Math.fround(number * scale[Math.floor(k / shape[1])]));
    tensors[name] = { shape, data };
  }
  return tensors;
}
