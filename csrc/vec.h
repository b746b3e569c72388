// Vec: a SIMD register, and the elementwise functions of a cell's step on it. Compiled once for each instruction set,
// in a namespace of its own.
//
// FMA contraction is explicit: a product is fused with a sum where the source says `fma` and nowhere else, so that a
// value has the same bits in whichever loop it was computed.
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
#define KEEPGATE_X86(name) _mm512_##name
#elif defined(__AVX2__)
constexpr int register_bytes = 32, registers = 16;
#define KEEPGATE_X86(name) _mm256_##name
#elif defined(__x86_64__)
constexpr int register_bytes = 16, registers = 16;
#define KEEPGATE_X86(name) _mm_##name
#else
constexpr int register_bytes = 16, registers = 32;
#endif

template <class T>
struct Register;
template <>
struct Register<float> {
  typedef float Native __attribute__((vector_size(register_bytes)));
  typedef int32_t Bits __attribute__((vector_size(register_bytes)));
};
template <>
struct Register<double> {
  typedef double Native __attribute__((vector_size(register_bytes)));
  typedef int64_t Bits __attribute__((vector_size(register_bytes)));
};

template <class T>
struct Vec : Register<T> {
  static constexpr int lanes = register_bytes / int(sizeof(T));
  using Number = T;
  using typename Register<T>::Native, typename Register<T>::Bits;

  Native v;

  Vec() = default;
  KEEPGATE_INLINE Vec(Native native) : v(native) {}
  KEEPGATE_INLINE Vec(T number) : v(number - Native{}) {}  // broadcast; x - 0 is x, also for -0

  static KEEPGATE_INLINE Vec load(const T* from) {
    Vec x;
    std::memcpy(&x.v, from, sizeof x.v);
    return x;
  }
  KEEPGATE_INLINE void store(T* to) const { std::memcpy(to, &v, sizeof v); }

  // Partial load and store of the first `count` lanes (all if count >= lanes); the others are zero.
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
using VecF = Vec<float>;
using VecD = Vec<double>;

// fma(a, b, c) = a b + c;  fnma = c - a b;  min and max return a NaN that is their second argument;  store_nontemporal
// bypasses the caches, for data that is not read again soon; its address is aligned to a register, and store_fence()
// must precede another thread's read.
#if defined(__AVX2__)
#define KEEPGATE_FMA(S, a, b, c) KEEPGATE_X86(fmadd_##S)(a, b, c)
#define KEEPGATE_FNMA(S, a, b, c) KEEPGATE_X86(fnmadd_##S)(a, b, c)
#elif defined(__x86_64__)
#define KEEPGATE_FMA(S, a, b, c) ((a) * (b) + (c))
#define KEEPGATE_FNMA(S, a, b, c) ((c) - (a) * (b))
#endif
#if defined(__x86_64__)
#define KEEPGATE_SIMD(V, S)                                                                           \
  KEEPGATE_INLINE V fma(V a, V b, V c) { return (V::Native)(KEEPGATE_FMA(S, a.v, b.v, c.v)); }        \
  KEEPGATE_INLINE V fnma(V a, V b, V c) { return (V::Native)(KEEPGATE_FNMA(S, a.v, b.v, c.v)); }      \
  KEEPGATE_INLINE V min(V a, V b) { return (V::Native)KEEPGATE_X86(min_##S)(a.v, b.v); }              \
  KEEPGATE_INLINE V max(V a, V b) { return (V::Native)KEEPGATE_X86(max_##S)(a.v, b.v); }              \
  KEEPGATE_INLINE V sqrt(V a) { return (V::Native)KEEPGATE_X86(sqrt_##S)(a.v); }                      \
  KEEPGATE_INLINE V unpack_low(V a, V b) { return (V::Native)KEEPGATE_X86(unpacklo_##S)(a.v, b.v); }  \
  KEEPGATE_INLINE V unpack_high(V a, V b) { return (V::Native)KEEPGATE_X86(unpackhi_##S)(a.v, b.v); } \
  KEEPGATE_INLINE void store_nontemporal(V x, V::Number* to) { KEEPGATE_X86(stream_##S)(to, x.v); }
KEEPGATE_SIMD(VecF, ps)
KEEPGATE_SIMD(VecD, pd)
KEEPGATE_INLINE void store_fence() { _mm_sfence(); }
#else
#define KEEPGATE_SIMD(V, S)                                                             \
  KEEPGATE_INLINE V fma(V a, V b, V c) { return (V::Native)vfmaq_##S(c.v, a.v, b.v); }  \
  KEEPGATE_INLINE V fnma(V a, V b, V c) { return (V::Native)vfmsq_##S(c.v, a.v, b.v); } \
  KEEPGATE_INLINE V min(V a, V b) { return (V::Native)vminq_##S(a.v, b.v); }            \
  KEEPGATE_INLINE V max(V a, V b) { return (V::Native)vmaxq_##S(a.v, b.v); }            \
  KEEPGATE_INLINE V sqrt(V a) { return (V::Native)vsqrtq_##S(a.v); }                    \
  KEEPGATE_INLINE V unpack_low(V a, V b) { return (V::Native)vzip1q_##S(a.v, b.v); }    \
  KEEPGATE_INLINE V unpack_high(V a, V b) { return (V::Native)vzip2q_##S(a.v, b.v); }   \
  KEEPGATE_INLINE void store_nontemporal(V x, V::Number* to) { x.store(to); }
KEEPGATE_SIMD(VecF, f32)
KEEPGATE_SIMD(VecD, f64)
KEEPGATE_INLINE void store_fence() {}
#endif

KEEPGATE_INLINE VecF fms(VecF a, VecF b, VecF c) { return fma(a, b, -c); }
KEEPGATE_INLINE VecD fms(VecD a, VecD b, VecD c) { return fma(a, b, -c); }

// Pieces of 16 bytes from rows of memory that are `stride` elements apart, side by side in a register: of a matrix that
// is transposed such loads do what would else take shuffles.
template <class T>
KEEPGATE_INLINE Vec<T> load_pieces(const T* from, [[maybe_unused]] long stride) {
#if defined(__AVX2__)
  const auto piece = [&](int i) { return _mm_loadu_ps(reinterpret_cast<const float*>(from + i * stride)); };
#endif
#if defined(__AVX512F__)
  const __m512 one = _mm512_castps128_ps512(piece(0)), two = _mm512_mask_broadcast_f32x4(one, 0x00f0, piece(1)),
               three = _mm512_mask_broadcast_f32x4(two, 0x0f00, piece(2));
  return (typename Vec<T>::Native)_mm512_mask_broadcast_f32x4(three, 0xf000, piece(3));
#elif defined(__AVX2__)
  return (typename Vec<T>::Native)_mm256_insertf128_ps(_mm256_castps128_ps256(piece(0)), piece(1), 1);
#else
  return Vec<T>::load(from);
#endif
}

// The transpose of a square of a matrix in memory, of which `rows` and `columns` are there; the rest counts as zeros.
template <class T>
KEEPGATE_INLINE void load_transposed(const T* from, long stride, long rows, long columns,
                                     Vec<T> (&tile)[Vec<T>::lanes]) {
  constexpr long lanes = Vec<T>::lanes, piece = 16 / long(sizeof(T));
  T edge[lanes * lanes];
  if (rows < lanes || columns < lanes) {
    std::memset(edge, 0, sizeof edge);
    for (long r = 0; r < rows && r < lanes; r++)
      std::memcpy(edge + r * lanes, from + r * stride, size_t(columns < lanes ? columns : lanes) * sizeof(T));
    from = edge, stride = lanes;
  }
#pragma GCC unroll 16
  for (long i = 0; i < lanes; i++) tile[i] = load_pieces(from + i % piece * stride + i / piece * piece, piece * stride);
  for (long stage = 1; stage < piece; stage *= 2) {  // within each piece
    Vec<T> half[lanes];
    std::memcpy(&half, &tile, sizeof half);
#pragma GCC unroll 8
    for (long i = 0; i < lanes / 2; i++) {
      const long at = i / (piece / 2) * piece + i % (piece / 2), to = at + i % (piece / 2);
      tile[to] = unpack_low(half[at], half[at + piece / 2]), tile[to + 1] = unpack_high(half[at], half[at + piece / 2]);
    }
  }
}

template <class V>
KEEPGATE_INLINE V clamp(V x, typename V::Number low, typename V::Number high) {
  return min(V(high), max(V(low), x));
}

// 1 / x. AVX-512: an estimate of 14 bits and one Newton-Raphson step; elsewhere a division, which is as fast.
KEEPGATE_INLINE VecD reciprocal(VecD x) { return VecD(1.0) / x; }
KEEPGATE_INLINE VecF reciprocal(VecF x) {
#if defined(__AVX512F__)
  const VecF estimate = (VecF::Native)_mm512_rcp14_ps(x.v);
  return estimate * fnma(x, estimate, 2.0f);
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

// (e^r - 1) / r for |r| <= ln2 / 2. float: minimax polynomial, relative error 1.1e-8; double: Taylor series, 4e-18.
KEEPGATE_INLINE VecF expm1_over(VecF r) {
  return polynomial(r, VecF(0x1.6c16a6p-10f), 0x1.123ce6p-7f, 0x1.555652p-5f, 0x1.55547ep-3f, 0x1.fffffep-2f, 1.0f);
}
KEEPGATE_INLINE VecD expm1_over(VecD r) {
  return polynomial(r, VecD(1.0 / 6227020800), 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880,
                    1.0 / 40320, 1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1.0);
}

// e^x + more, by range reduction e^x = 2^n e^r, |r| <= ln2 / 2, as 2^n (e^r - 1) + (2^n + more): accurate near 0 too.
template <class T>
KEEPGATE_INLINE Vec<T> exp_plus(Vec<T> x, T more) {
  using V = Vec<T>;
  constexpr bool single = sizeof(T) == 4;
  // Adding `magic` rounds to an integer n and leaves n + bias in the low mantissa bits, from where it is shifted into
  // the exponent of 2^n.
  const V magic = single ? T(0x1.8p23 + 127) : T(0x1.8p52 + 1023);
  const V shifted = fma(x, V(T(0x1.71547652b82fep+0)), magic), n = shifted - magic;
  const V power = (typename V::Native)((typename V::Bits)shifted.v << (single ? 23 : 52));
  // Cody-Waite reduction: ln2 in two parts, of which the first has so few bits that its product with n is exact.
  const V rough = fnma(n, V(single ? T(0x1.62ep-1) : T(0x1.62e42fefa3800p-1)), x);
  const V r = fnma(n, V(single ? T(0x1.0bfbe8p-15) : T(0x1.ef35793c76730p-45)), rough);
  return fma(power, r * expm1_over(r), power + V(more));
}

template <class T>
KEEPGATE_INLINE Vec<T> sigmoid(Vec<T> x) {
  constexpr T limit = sizeof(T) == 4 ? T(87) : T(700);  // e^limit is finite
  return reciprocal(exp_plus(clamp(-x, -limit, limit), T(1)));
}

// x P(x²) / Q(x²), a minimax fit on |x| <= 9 with relative error 2e-8. The fit exceeds 1 for |x| > 9.13; inputs are
// clamped at ±9.6 and the result at ±1, so saturation returns exactly ±1.
KEEPGATE_INLINE VecF tanh(VecF x) {
  const VecF bounded = clamp(x, -9.6f, 9.6f);
  const VecF z = bounded * bounded;
  const VecF p = polynomial(z, VecF(0x1.caded0p-27f), 0x1.59c41cp-16f, 0x1.ca2cdep-9f, 0x1.120b2ap-3f, 1.0f);
  const VecF q = polynomial(z, VecF(0x1.a1818ap-21f), 0x1.588698p-12f, 0x1.a7f820p-6f, 0x1.de5adep-2f, 1.0f);
  return clamp(bounded * p * reciprocal(q), -1.0f, 1.0f);
}
KEEPGATE_INLINE VecD tanh(VecD x) {
  const VecD m = exp_plus(clamp(x + x, -80.0, 80.0), -1.0);
  return m / (m + 2.0);
}

template <class T>
KEEPGATE_INLINE Vec<T> relu(Vec<T> x) {
  return max(Vec<T>(T(0)), x);
}
template <class T>
KEEPGATE_INLINE Vec<T> maximum(Vec<T> a, Vec<T> b) {
  return a.v == a.v ? max(a, b).v : a.v;
}
// a where the condition is not 0, else b.
template <class T>
KEEPGATE_INLINE Vec<T> where(Vec<T> condition, std::type_identity_t<Vec<T>> a, std::type_identity_t<Vec<T>> b) {
  return condition.v != Vec<T>(T(0)).v ? a.v : b.v;
}

}  // namespace keepgate::KEEPGATE_SET
