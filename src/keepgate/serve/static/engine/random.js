// Python's random numbers from a text, so that a story is the same here and there: SHA-512 and the Mersenne Twister.

const MASK = (1n << 64n) - 1n;

/** The first 64 bits of the fraction of a prime's root; degree 2 or 3. */
function fractionOfRoot(prime, degree) {
  const power = BigInt(prime) << BigInt(64 * degree);
  let [low, high] = [0n, 1n << 70n];
  while (low + 1n < high) {
    const middle = (low + high) / 2n;
    if (middle ** BigInt(degree) <= power) low = middle;
    else high = middle;
  }
  return low & MASK;
}

const primes = (count) => {
  const all = [];
  for (let n = 2; all.length < count; ++n) if (all.every((prime) => n % prime)) all.push(n);
  return all;
};

let constants = null;

/** The 64 bytes of SHA-512, FIPS 180-4. */
export function sha512(bytes) {
  constants ??= { start: primes(8).map((p) => fractionOfRoot(p, 2)), round: primes(80).map((p) => fractionOfRoot(p, 3)) };
  const blocks = Math.ceil((bytes.length + 17) / 128);
  const padded = new Uint8Array(128 * blocks);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setBigUint64(padded.length - 8, BigInt(8 * bytes.length));
  const turn = (x, n) => ((x >> BigInt(n)) | (x << BigInt(64 - n))) & MASK;
  const hash = [...constants.start];
  for (let block = 0; block < blocks; ++block) {
    const w = Array.from({ length: 16 }, (_, k) => view.getBigUint64(128 * block + 8 * k));
    for (let t = 16; t < 80; ++t) {
      const [a, b] = [w[t - 15], w[t - 2]];
      const small = turn(a, 1) ^ turn(a, 8) ^ (a >> 7n);
      w.push((w[t - 16] + small + w[t - 7] + (turn(b, 19) ^ turn(b, 61) ^ (b >> 6n))) & MASK);
    }
    let [a, b, c, d, e, f, g, h] = hash;
    for (let t = 0; t < 80; ++t) {
      const first = (h + (turn(e, 14) ^ turn(e, 18) ^ turn(e, 41)) + ((e & f) ^ (~e & MASK & g)) + constants.round[t] + w[t]) & MASK;
      const second = (turn(a, 28) ^ turn(a, 34) ^ turn(a, 39)) + ((a & b) ^ (a & c) ^ (b & c));
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + first) & MASK, c, b, a, (first + second) & MASK];
    }
    [a, b, c, d, e, f, g, h].forEach((value, k) => (hash[k] = (hash[k] + value) & MASK));
  }
  const out = new DataView(new ArrayBuffer(64));
  hash.forEach((value, k) => out.setBigUint64(8 * k, value));
  return new Uint8Array(out.buffer);
}

const [N, M] = [624, 397];

/** random.Random(seed) of Python, for a text. Matsumoto & Nishimura (1998). */
export class Random {
  constructor(seed) {
    const letters = new TextEncoder().encode(seed);
    const bytes = new Uint8Array([...letters, ...sha512(letters)]);
    // One number, its first byte the most significant, as words of 32 bits, the least significant first.
    const key = [];
    for (let end = bytes.length; end > 0; end -= 4)
      key.push(bytes.slice(Math.max(0, end - 4), end).reduce((word, byte) => word * 256 + byte, 0));
    while (key.length > 1 && key.at(-1) === 0) key.pop();
    this.state = new Uint32Array(N);
    this.at = N;
    this.#begin(key);
  }

  #begin(key) {
    const { state } = this;
    state[0] = 19650218;
    for (let k = 1; k < N; ++k) state[k] = Math.imul(1812433253, state[k - 1] ^ (state[k - 1] >>> 30)) + k;
    let [i, j] = [1, 0];
    const wrap = () => {
      if (++i < N) return;
      state[0] = state[N - 1];
      i = 1;
    };
    for (let k = Math.max(N, key.length); k; --k) {
      state[i] = (state[i] ^ Math.imul(state[i - 1] ^ (state[i - 1] >>> 30), 1664525)) + key[j] + j;
      wrap();
      j = (j + 1) % key.length;
    }
    for (let k = N - 1; k; --k) {
      state[i] = (state[i] ^ Math.imul(state[i - 1] ^ (state[i - 1] >>> 30), 1566083941)) - i;
      wrap();
    }
    state[0] = 0x80000000;
  }

  /** 32 random bits. */
  bits() {
    const { state } = this;
    if (this.at === N) {
      for (let k = 0; k < N; ++k) {
        const y = (state[k] & 0x80000000) | (state[(k + 1) % N] & 0x7fffffff);
        state[k] = state[(k + M) % N] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
      }
      this.at = 0;
    }
    let y = state[this.at++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  /** A number from 0 up to but without 1. */
  random() {
    const high = this.bits() >>> 5;
    return (high * 67108864 + (this.bits() >>> 6)) / 9007199254740992;
  }

  /** A whole number from 0 up to but without n. */
  below(n) {
    const size = 32 - Math.clz32(n);
    let value = this.bits() >>> (32 - size);
    while (value >= n) value = this.bits() >>> (32 - size);
    return value;
  }
}
