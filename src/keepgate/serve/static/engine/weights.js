// The tensors of a safetensors file, and those that are packed in whole numbers.

/** Tensors by name, { shape, data }, from a file of float32 in base64. */
export function tensorsOf(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
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
 * Tensors by name, { shape, data }, from rows of whole numbers of a byte, each with a step of float32, in base64; a tensor
 * without steps is of float32.
 */
export function widened(packed) {
  const tensors = {};
  for (const [name, { shape, numbers, steps }] of Object.entries(packed)) {
    const bytes = Uint8Array.from(atob(numbers), (letter) => letter.charCodeAt(0));
    if (!steps) {
      tensors[name] = { shape, data: Float64Array.from(new Float32Array(bytes.buffer)) };
      continue;
    }
    const scale = new Float32Array(Uint8Array.from(atob(steps), (letter) => letter.charCodeAt(0)).buffer);
    const data = Float64Array.from(new Int8Array(bytes.buffer), (number, k) => Math.fround(number * scale[Math.floor(k / shape[1])]));
    tensors[name] = { shape, data };
  }
  return tensors;
}
