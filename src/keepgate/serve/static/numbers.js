// Numbers as a reader wants them.

/** A probability or a gate: two decimals; what is not 0 or 1 is not written as if it were. */
export function unit(value) {
  if (value === null || value === undefined) return "–";
  if (value > 0 && value < 0.005) return "<0.01";
  if (value < 1 && value >= 0.995) return ">0.99";
  return value.toFixed(2);
}

/** A share in percent. */
export function percent(value) {
  if (value === null || value === undefined) return "–";
  if (value > 0 && value < 0.0005) return "<0.1%";
  if (value < 1 && value >= 0.995) return ">99%";
  return value < 0.0995 && value > 0 ? `${(100 * value).toFixed(1)}%` : `${Math.round(100 * value)}%`;
}

/** A number of any size, with two digits that count and a true minus. */
export function size(value) {
  if (value === null || value === undefined) return "–";
  const one = Math.abs(value);
  if (one === 0) return "0";
  if (one >= 1e4 || one < 1e-3) {
    const [digits, exponent] = value.toExponential(1).split("e");
    return `${digits.replace("-", "−")}×${power(Number(exponent))}`;
  }
  return (
    one >= 100
      ? value.toFixed(0)
      : one >= 10
        ? value.toFixed(1)
        : one >= 0.1
          ? value.toFixed(2)
          : value.toFixed(3)
  ).replace("-", "−");
}

/** A number in a sum that is to be followed: four decimals, a true minus, and no minus before nothing. */
export function exact(value) {
  const written = Math.abs(value) >= 100 ? value.toFixed(1) : value.toFixed(4);
  return (Number(written) === 0 ? written.replace("-", "") : written).replace("-", "−");
}

/** A number with its sign. */
export const signed = (value) => (value >= 0 ? `+${size(value)}` : size(value));

const RAISED = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

/** Ten to a whole power. */
export const power = (exponent) => `10${[...String(exponent)].map((digit) => RAISED[digit]).join("")}`;

/** A whole number with commas between thousands. */
export const count = (value) => Math.round(value).toLocaleString("en-US");
