// Tensors that are packed as text.

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

/** Tensors by name, { shape, data }, as keepgate.site.packed_weights packs them. */
export function widened(packed) {
  return Object.fromEntries(Object.entries(packed).map(([name, each]) => [name, { shape: each.shape, data: numbersOf(each) }]));
}

/** Numbers of float32; of all its bytes but the lowest; or rows of whole numbers of a byte, each row with its step. */
function numbersOf({ shape, numbers, steps, short }) {
  const bytes = bytesOf(short ?? numbers);
  if (short) return shortNumbers(bytes);
  if (!steps) return Float64Array.from(new Float32Array(bytes.buffer));
  const scale = new Float32Array(bytesOf(steps).buffer);
  return Float64Array.from(new Int8Array(bytes.buffer), (number, k) => Math.fround(number * scale[Math.floor(k / shape[1])]));
}

function shortNumbers(bytes) {
  const whole = new Uint8Array((bytes.length / 3) * 4);
  for (let k = 0; k < bytes.length; ++k) whole[Math.floor(k / 3) * 4 + (k % 3) + 1] = bytes[k];
  return Float64Array.from(new Float32Array(whole.buffer));
}
