// How much of the learning signal arrives in each network before training, as gradient.js draws it.
// Printed by `python -m bench.before_training`: the decimal logarithm at every tenth word back, on the same story.

const EVERY = 10;
const DECADES = {
  "zh/rnn": [0, -0.26, -0.48, -0.76, -1.03, -1.24, -1.48, -1.7, -1.91, -2.16, -2.42, -2.7, -2.91, -3.14, -3.4, -3.66, -3.86, -4.1, -4.32, -4.55, -4.83],
  "zh/lstm-zero": [0, -1.98, -3.36, -4.98, -6.78, -8.72, -10.64, -12.39, -14.2, -16.16, -17.99, -19.97, -21.97, -23.66, -25.42, -27.34, -29.03, -30.78, -32.44, -34.29, -36.16],
  "zh/lstm-chrono": [0, -0.28, -0.29, -0.3, -0.31, -0.32, -0.33, -0.34, -0.35, -0.36, -0.37, -0.38, -0.39, -0.4, -0.41, -0.42, -0.43, -0.44, -0.45, -0.45, -0.46],
  "zh/gru-chrono": [0, -0.02, -0.03, -0.05, -0.06, -0.08, -0.09, -0.1, -0.11, -0.12, -0.13, -0.15, -0.16, -0.17, -0.18, -0.19, -0.2, -0.21, -0.22, -0.23, -0.24],
  "zh/mingru-chrono": [0, -0.01, -0.02, -0.03, -0.04, -0.05, -0.06, -0.06, -0.07, -0.08, -0.08, -0.09, -0.1, -0.1, -0.11, -0.12, -0.12, -0.13, -0.13, -0.14, -0.14],
  "en/rnn": [0, -0.25, -0.49, -0.76, -0.99, -1.2, -1.45, -1.66, -1.93, -2.19, -2.48, -2.69, -2.89, -3.13, -3.38, -3.59, -3.86, -4.1, -4.31, -4.57, -4.77],
  "en/lstm-zero": [0, -2.28, -4.33, -6.09, -7.92, -9.65, -11.45, -13.1, -14.75, -16.41, -17.96, -19.57, -21.43, -23.02, -24.94, -26.77, -28.65, -30.69, -32.43, -34.09, -35.93],
  "en/lstm-chrono": [0, -0.24, -0.26, -0.27, -0.28, -0.29, -0.3, -0.31, -0.32, -0.33, -0.34, -0.35, -0.35, -0.36, -0.37, -0.38, -0.39, -0.4, -0.41, -0.42, -0.42],
  "en/gru-chrono": [0, -0.02, -0.04, -0.05, -0.07, -0.08, -0.09, -0.1, -0.12, -0.13, -0.14, -0.15, -0.16, -0.17, -0.18, -0.19, -0.2, -0.21, -0.22, -0.23, -0.24],
  "en/mingru-chrono": [0, -0.02, -0.03, -0.04, -0.05, -0.06, -0.07, -0.07, -0.08, -0.09, -0.1, -0.1, -0.11, -0.12, -0.12, -0.13, -0.13, -0.14, -0.15, -0.15, -0.16],
};

/** The share at each of some lags, between those that are known along a straight line of the logarithm; null if not known. */
export function beforeTraining(id, lags) {
  const known = DECADES[id];
  if (!known) return null;
  return lags.map((lag) => {
    const at = Math.min(lag / EVERY, known.length - 1);
    const [low, high] = [known[Math.floor(at)], known[Math.ceil(at)]];
    return 10 ** (low + (high - low) * (at % 1));
  });
}

const VANISHED = 0.01; // as of the lines after training

/** The place from which on all values are below 1 %; null if the last is not. */
export function goneBefore(values) {
  const place = values.findLastIndex((value) => value >= VANISHED) + 1;
  return place < values.length ? place : null;
}
