// One register of numbers, and the functions of a step on it. Compiled once for each instruction set, inside its
// namespace.
//
// Nothing here leaves a choice to the compiler: multiplications and additions are fused where `fma` says so and nowhere
// else, so that a number has the same bits in whichever loop it was computed.
#pragma once
#include <cstdint>
#include <cstring>
#include <type_traits>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define KEEPGATE_INLINE inline __attribute__((always_inline))

namespace keepgate::KEEPGATE_SET {

#if defined(__AVX512F__)
constexpr int register_bytes = 64, registers = 32;
#elif defined(__AVX2__)
constexpr int register_bytes = 32, registers = 16;
#else
constexpr int register_bytes = 16;
#if defined(__aarch64__)
constexpr int registers = 32;
#else
constexpr int registers = 16;
#endif
#endif

enum class Recurrence { dense, diagonal, none };

template <class T>
struct Register;
template <>
struct Register<float> {
  typedef float Native __attribute__((vector_size(register_bytes)));
  typedef int32_t Integer, Bits __attribute__((vector_size(register_bytes)));
};
template <>
struct Register<double> {
  typedef double Native __attribute__((vector_size(register_bytes)));
  typedef int64_t Integer, Bits __attribute__((vector_size(register_bytes)));
};

template <class T>
struct Vec {
  static constexpr int lanes = register_bytes / int(sizeof(T));
  using Number = T;
  using Integer = typename Register<T>::Integer;
  using Native = typename Register<T>::Native;
  using Bits = typename Register<T>::Bits;

  Native v;

  Vec() = default;
  KEEPGATE_INLINE Vec(Native native) : v(native) {}
  KEEPGATE_INLINE Vec(T number) : v(number - Native{}) {}  // x - 0 is x, also for -0

  static KEEPGATE_INLINE Vec load(const T* from) {
    Vec x;
    std::memcpy(&x.v, from, sizeof x.v);
    return x;
  }
  KEEPGATE_INLINE void store(T* to) const { std::memcpy(to, &v, sizeof v); }

  // Past the caches, for what is not read again soon; `to` is aligned to the register. drain() before another thread
  // reads.
  KEEPGATE_INLINE void stream(T* to) const {
#if defined(__AVX512F__)
    _mm512_stream_si512(reinterpret_cast<__m512i*>(to), (__m512i)v);
#elif defined(__AVX2__)
    _mm256_stream_si256(reinterpret_cast<__m256i*>(to), (__m256i)v);
#elif defined(__x86_64__)
    _mm_stream_si128(reinterpret_cast<__m128i*>(to), (__m128i)v);
#else
    store(to);
#endif
  }

  // The first `count` lanes, which may be more than there are; the others are zero.
  static KEEPGATE_INLINE Vec load(const T* from, long count) {
    if (count >= lanes) return load(from);
    Vec x(T(0));
    std::memcpy(&x.v, from, size_t(count) * sizeof(T));
    return x;
  }
  KEEPGATE_INLINE void store(T* to, long count) const {
    if (count >= lanes) return store(to);
    std::memcpy(to, &v, size_t(count) * sizeof(T));
  }

  friend KEEPGATE_INLINE Vec operator+(Vec a, Vec b) { return a.v + b.v; }
  friend KEEPGATE_INLINE Vec operator-(Vec a, Vec b) { return a.v - b.v; }
  friend KEEPGATE_INLINE Vec operator*(Vec a, Vec b) { return a.v * b.v; }
  friend KEEPGATE_INLINE Vec operator/(Vec a, Vec b) { return a.v / b.v; }
  friend KEEPGATE_INLINE Vec operator-(Vec a) { return -a.v; }
};

KEEPGATE_INLINE void drain() {
#if defined(__x86_64__)
  _mm_sfence();
#endif
}

using VecF = Vec<float>;
using VecD = Vec<double>;

// fma(a, b, c) = a b + c;  fms = a b - c;  fnma = c - a b;  least and most pass on a NaN that is their second argument.
#if defined(__AVX512F__)
#define KEEPGATE_SIMD(V, N, S)                                                                           \
  KEEPGATE_INLINE V fma(V a, V b, V c) { return (V::Native)_mm512_fmadd_##S((N)a.v, (N)b.v, (N)c.v); }   \
  KEEPGATE_INLINE V fnma(V a, V b, V c) { return (V::Native)_mm512_fnmadd_##S((N)a.v, (N)b.v, (N)c.v); } \
  KEEPGATE_INLINE V least(V a, V b) { return (V::Native)_mm512_min_##S((N)a.v, (N)b.v); }                \
  KEEPGATE_INLINE V most(V a, V b) { return (V::Native)_mm512_max_##S((N)a.v, (N)b.v); }
KEEPGATE_SIMD(VecF, __m512, ps)
KEEPGATE_SIMD(VecD, __m512d, pd)
#elif defined(__AVX2__)
#define KEEPGATE_SIMD(V, N, S)                                                                           \
  KEEPGATE_INLINE V fma(V a, V b, V c) { return (V::Native)_mm256_fmadd_##S((N)a.v, (N)b.v, (N)c.v); }   \
  KEEPGATE_INLINE V fnma(V a, V b, V c) { return (V::Native)_mm256_fnmadd_##S((N)a.v, (N)b.v, (N)c.v); } \
  KEEPGATE_INLINE V least(V a, V b) { return (V::Native)_mm256_min_##S((N)a.v, (N)b.v); }                \
  KEEPGATE_INLINE V most(V a, V b) { return (V::Native)_mm256_max_##S((N)a.v, (N)b.v); }
KEEPGATE_SIMD(VecF, __m256, ps)
KEEPGATE_SIMD(VecD, __m256d, pd)
#elif defined(__x86_64__)
#define KEEPGATE_SIMD(V, N, S)                                                         \
  KEEPGATE_INLINE V fma(V a, V b, V c) { return a * b + c; }                           \
  KEEPGATE_INLINE V fnma(V a, V b, V c) { return c - a * b; }                          \
  KEEPGATE_INLINE V least(V a, V b) { return (V::Native)_mm_min_##S((N)a.v, (N)b.v); } \
  KEEPGATE_INLINE V most(V a, V b) { return (V::Native)_mm_max_##S((N)a.v, (N)b.v); }
KEEPGATE_SIMD(VecF, __m128, ps)
KEEPGATE_SIMD(VecD, __m128d, pd)
#elif defined(__aarch64__)
#define KEEPGATE_SIMD(V, N, S)                                                                   \
  KEEPGATE_INLINE V fma(V a, V b, V c) { return (V::Native)vfmaq_##S((N)c.v, (N)a.v, (N)b.v); }  \
  KEEPGATE_INLINE V fnma(V a, V b, V c) { return (V::Native)vfmsq_##S((N)c.v, (N)a.v, (N)b.v); } \
  KEEPGATE_INLINE V least(V a, V b) { return (V::Native)vminq_##S((N)a.v, (N)b.v); }             \
  KEEPGATE_INLINE V most(V a, V b) { return (V::Native)vmaxq_##S((N)a.v, (N)b.v); }
KEEPGATE_SIMD(VecF, float32x4_t, f32)
KEEPGATE_SIMD(VecD, float64x2_t, f64)
#endif
#undef KEEPGATE_SIMD

KEEPGATE_INLINE VecF fms(VecF a, VecF b, VecF c) { return fma(a, b, -c); }
KEEPGATE_INLINE VecD fms(VecD a, VecD b, VecD c) { return fma(a, b, -c); }

template <class V>
KEEPGATE_INLINE V clamp(V x, typename V::Number low, typename V::Number high) {
  return least(V(high), most(V(low), x));
}

// 1 / x. AVX-512 estimates to 14 bits, and one step of Newton's doubles them; elsewhere a division is as good.
KEEPGATE_INLINE VecD reciprocal(VecD x) { return VecD(1.0) / x; }
KEEPGATE_INLINE VecF reciprocal(VecF x) {
#if defined(__AVX512F__)
  const VecF guess = (VecF::Native)_mm512_rcp14_ps((__m512)x.v);
  return guess * fnma(x, guess, 2.0f);
#else
  return VecF(1.0f) / x;
#endif
}

// Horner's rule, highest power first.
template <class V>
KEEPGATE_INLINE V polynomial(V, V highest) {
  return highest;
}
template <class V, class... More>
KEEPGATE_INLINE V polynomial(V x, V highest, typename V::Number next, More... more) {
  return polynomial(x, fma(highest, x, V(next)), more...);
}

// Adding this rounds x to a whole number n and leaves n + bias in the low bits, ready to become the exponent of 2^n.
template <class T>
struct Exponent;
template <>
struct Exponent<float> {
  static constexpr float magic = 0x1.8p23f + 127;
  static constexpr int shift = 23;
};
template <>
struct Exponent<double> {
  static constexpr double magic = 0x1.8p52 + 1023;
  static constexpr int shift = 52;
};
constexpr double log2_of_e = 0x1.71547652b82fep+0, ln2_high = 0x1.62e42fefa3800p-1, ln2_low = 0x1.ef35793c76730p-45;

template <class V>
KEEPGATE_INLINE V two_to(V shifted) {
  typename V::Bits bits;
  std::memcpy(&bits, &shifted.v, sizeof bits);
  bits <<= Exponent<typename V::Number>::shift;
  V power;
  std::memcpy(&power.v, &bits, sizeof bits);
  return power;
}

// e^r - 1 over r, for |r| <= ln2 / 2. float: a minimax fit, relative error 1.1e-8; double: Taylor's series, 4e-18.
KEEPGATE_INLINE VecF expm1_over(VecF r) {
  return polynomial(r, VecF(0x1.6c16a6p-10f), 0x1.123ce6p-7f, 0x1.555652p-5f, 0x1.55547ep-3f, 0x1.fffffep-2f, 1.0f);
}
KEEPGATE_INLINE VecD expm1_over(VecD r) {
  return polynomial(r, VecD(1.0 / 6227020800), 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880,
                    1.0 / 40320, 1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1.0);
}

// e^x = 2^n e^r, split so that r is small. `less` is taken from n: e^x is 2^less power e^r.
template <class V>
struct Split {
  V power, r;
  KEEPGATE_INLINE Split(V x, int less = 0) {
    using T = typename V::Number;
    const V magic = Exponent<T>::magic - T(less);
    const V shifted = fma(x, V(T(log2_of_e)), magic);
    const V n = shifted - magic;
    // The product of n with a number of few bits is exact; the rest of ln2 follows.
    const T high = sizeof(T) == 4 ? T(0x1.62ep-1) : T(ln2_high), low = sizeof(T) == 4 ? T(0x1.0bfbe8p-15) : T(ln2_low);
    r = fnma(n, V(low), fnma(n, V(high), x));
    power = two_to(shifted);
  }
};

// What would be smaller than the smallest normal number is 0.
template <class T>
KEEPGATE_INLINE Vec<T> exp(Vec<T> x) {
  using V = Vec<T>;
  const V smallest = sizeof(T) == 4 ? T(-86.6) : T(-707.7),
          largest = sizeof(T) == 4 ? T(88.72283) : T(709.782712893384);
  const Split<V> s(least(largest, most(smallest, x)), 1);
  const V half = fma(s.power, s.r * expm1_over(s.r), s.power);
  const typename V::Native inside = x.v > largest.v ? V(T(__builtin_inf())).v : (half + half).v;
  return x.v < smallest.v ? V(T(0)).v : inside;
}

KEEPGATE_INLINE VecD sigmoid(VecD x) {
  const Split<VecD> s(clamp(-x, -700.0, 700.0));
  return 1.0 / fma(s.power, s.r * expm1_over(s.r), s.power + 1.0);
}

// Absolute error 1e-7: for e^-x a polynomial with relative error 9e-8, which counts a quarter at most.
KEEPGATE_INLINE VecF sigmoid(VecF x) {
  const VecF magic = Exponent<float>::magic;
  const VecF bounded = clamp(x, -87.0f, 87.0f);
  const VecF shifted = fma(bounded, VecF(-float(log2_of_e)), magic);
  const VecF n = shifted - magic, r = fma(n, VecF(0x1.0bfbe8p-15f), fma(n, VecF(0x1.62ep-1f), bounded));
  const VecF power =
      polynomial(r, VecF(-0x1.0fa820p-7f), 0x1.573a6cp-5f, -0x1.555a6cp-3f, 0x1.fffdc6p-2f, -0x1.fffff6p-1f, 1.0f);
  return reciprocal(fma(two_to(shifted), power, 1.0f));
}

// x P(x²) / Q(x²), a minimax fit on |x| <= 9 with relative error 2e-8. It passes 1 at 9.13, so that where it is held the
// result is 1 and nothing less.
KEEPGATE_INLINE VecF tanh(VecF x) {
  const VecF bounded = clamp(x, -9.6f, 9.6f);
  const VecF z = bounded * bounded;
  const VecF p = polynomial(z, VecF(0x1.caded0p-27f), 0x1.59c41cp-16f, 0x1.ca2cdep-9f, 0x1.120b2ap-3f, 1.0f);
  const VecF q = polynomial(z, VecF(0x1.a1818ap-21f), 0x1.588698p-12f, 0x1.a7f820p-6f, 0x1.de5adep-2f, 1.0f);
  return clamp(bounded * p * reciprocal(q), -1.0f, 1.0f);
}

// (e^2x - 1) / (e^2x + 1), where e^2x - 1 keeps its relative accuracy near 0.
KEEPGATE_INLINE VecD tanh(VecD x) {
  const Split<VecD> s(clamp(x + x, -80.0, 80.0));
  const VecD m = fma(s.power, s.r * expm1_over(s.r), s.power - 1.0);
  return m / (m + 2.0);
}

// The exponent apart, and log((1 + s) / (1 - s)) = 2 (s + s³/3 + …) of the rest, which lies between 1/√2 and √2.
// A number below the smallest normal one is not told from its neighbours there.
template <class T>
KEEPGATE_INLINE Vec<T> log(Vec<T> x) {
  using V = Vec<T>;
  using Bits = typename V::Bits;
  constexpr int shift = Exponent<T>::shift;
  constexpr typename V::Integer root = sizeof(T) == 4 ? 0x3f3504f3 : 0x3fe6a09e667f3bcd;
  Bits bits;
  std::memcpy(&bits, &x.v, sizeof bits);
  const Bits whole = (bits - root) >> shift;
  const Bits rest = bits - (whole << shift);
  V m;
  std::memcpy(&m.v, &rest, sizeof rest);
  const V n = __builtin_convertvector(whole, typename V::Native);
  const V s = (m - T(1)) / (m + T(1)), z = s * s;
  V series = T(1.0 / 23);
  for (int k = 21; k > 0; k -= 2) series = fma(series, z, V(T(1) / T(k)));
  const V inside = fma(n, V(T(ln2_high)), fma(n, V(T(ln2_low)), (s + s) * series));
  const typename V::Native below = x.v < V(T(0)).v ? V(T(__builtin_nan(""))).v : V(-T(__builtin_inf())).v;
  const typename V::Native real = x.v > V(T(0)).v ? inside.v : below;
  const typename V::Native finite = x.v == V(T(__builtin_inf())).v ? x.v : real;
  return x.v == x.v ? finite : x.v;
}

template <class T>
KEEPGATE_INLINE Vec<T> relu(Vec<T> x) {
  return most(Vec<T>(T(0)), x);
}
template <class T>
KEEPGATE_INLINE Vec<T> maximum(Vec<T> a, Vec<T> b) {
  return a.v == a.v ? most(a, b).v : a.v;
}
template <class T>
KEEPGATE_INLINE Vec<T> step_of(Vec<T> x) {
  return x.v <= Vec<T>(T(0)).v ? Vec<T>(T(0)).v : Vec<T>(T(1)).v;  // 1 for a NaN, as torch has it
}

}  // namespace keepgate::KEEPGATE_SET
