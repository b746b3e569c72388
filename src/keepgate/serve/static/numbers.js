// Numbers as text.

const UNKNOWN = "–";
const isUnknown = (value) => value === null || value === undefined;

/** A gate or another value of 0 to 1: two decimals; only 0 and 1 themselves are written 0.00 and 1.00. */
export function unit(value) {
  if (isUnknown(value)) return UNKNOWN;
  if (value > 0 && value < 0.005) return "<0.01";
  if (value < 1 && value >= 0.995) return ">0.99";
  return value.toFixed(2);
}

/** A measured ratio in percent with one decimal; only 0 and 1 themselves are 0% and 100%. As wording.percent. */
export function percent(value) {
  if (isUnknown(value)) return UNKNOWN;
  if (value === 0 || value === 1) return `${100 * value}%`;
  const text = `${(100 * value).toFixed(1)}%`;
  return { "0.0%": "<0.1%", "-0.0%": "<0.1%", "100.0%": ">99.9%" }[text] ?? text;
}

/** A model's probability: a softmax gives neither 0 nor 1, though rounding may. As wording.probability. */
export function probability(value) {
  const text = percent(value);
  return { "0%": "<0.1%", "100%": ">99.9%" }[text] ?? text;
}

/** A number of any size, with two digits that count and a true minus. */
export function size(value) {
  if (isUnknown(value)) return UNKNOWN;
  const magnitude = Math.abs(value);
  if (magnitude === 0) return "0";
  if (magnitude >= 1e4 || magnitude < 1e-3) {
    const [digits, exponent] = value.toExponential(1).split("e");
    return `${digits.replace("-", "−")}×${power(Number(exponent))}`;
  }
  return (
    magnitude >= 100
      ? value.toFixed(0)
      : magnitude >= 10
        ? value.toFixed(1)
        : magnitude >= 0.1
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
export const count = (value) => String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ",");
