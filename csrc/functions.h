// The functions of a step that no shipped cell needs, each faithful to a few units in the last place: exp, log,
// softplus, sqrt, abs and what chooses between numbers. tests/kernels/test_functions.py holds them to their errors.
#pragma once
#include "vec.h"

namespace keepgate::KEEPGATE_SET {

template <class T>
KEEPGATE_INLINE Vec<T> abs(Vec<T> x) {
  using Bits = typename Vec<T>::Bits;
  return (typename Vec<T>::Native)((Bits)x.v & ~(Bits)Vec<T>(T(-0.0)).v);
}

// e^x in two factors, so that it overflows to infinity and underflows gradually.
template <class T>
KEEPGATE_INLINE Vec<T> exp(Vec<T> x) {
  using V = Vec<T>;
  constexpr bool single = sizeof(T) == 4;
  const V magic = single ? T(0x1.8p23 + 127) : T(0x1.8p52 + 1023),
          bounded = clamp(x, single ? T(-104) : T(-746), single ? T(89) : T(710));
  const auto power = [](V shifted) {
    return V((typename V::Native)((typename V::Bits)shifted.v << (single ? 23 : 52)));
  };
  const V n = fma(bounded, V(T(0x1.71547652b82fep+0)), magic) - magic;
  const V rough = fnma(n, V(single ? T(0x1.62ep-1) : T(0x1.62e42fefa3800p-1)), bounded);
  const V r = fnma(n, V(single ? T(0x1.0bfbe8p-15) : T(0x1.ef35793c76730p-45)), rough);
  const V half = fma(n, V(T(0.5)), magic), other = (n - (half - magic)) + magic;
  return fma(r, expm1_over(r), V(T(1))) * power(half) * power(other);
}

// By the fdlibm method (Sun Microsystems, 1993): x = 2^k (1 + f), s = f / (2 + f), and a minimax fit in s².
KEEPGATE_INLINE VecF log_fit(VecF z) {
  return polynomial(z, VecF(0xf89e26p-26f), 0x91e9eep-25f, 0xccce13p-25f, 0xaaaaaap-24f);
}
KEEPGATE_INLINE VecD log_fit(VecD z) {
  return polynomial(z, VecD(1.479819860511658591e-01), 1.531383769920937332e-01, 1.818357216161805012e-01,
                    2.222219843214978396e-01, 2.857142874366239149e-01, 3.999999999940941908e-01,
                    6.666666666666735130e-01);
}
template <class T>
KEEPGATE_INLINE Vec<T> log(Vec<T> x) {
  using V = Vec<T>;
  using Bits = typename V::Bits;
  constexpr bool single = sizeof(T) == 4;
  constexpr int mantissa = single ? 23 : 52;
  const auto bits = [](T number) { return (Bits)V(number).v; };
  const auto least_normal = V(single ? T(0x1p-126) : T(0x1p-1022)).v;
  const V scaled = x.v < least_normal ? (x * V(single ? T(0x1p25) : T(0x1p54))).v : x.v;
  const V shift = x.v < least_normal ? V(T(single ? 25 : 54)).v : V(T(0)).v;
  // The exponent such that 1 + f lies between √½ and √2.
  const Bits root = bits(T(0x1.6a09e667f3bcdp-1)), moved = (Bits)scaled.v + (bits(T(1)) - root);
  const Bits mask = ((Bits{} + 1) << mantissa) - 1;
  const V magic = single ? T(0x1.8p23) : T(0x1.8p52);
  const Bits exponent = (moved & ~mask & ~bits(T(-0.0))) >> mantissa;
  const V k = V((typename V::Native)(exponent + (Bits)magic.v)) - magic - V(T(single ? 127 : 1023)) - shift;
  const V f = V((typename V::Native)((moved & mask) + root)) - V(T(1));
  const V s = f / (V(T(2)) + f), z = s * s, half = V(T(0.5)) * f * f;
  const V low = fma(s, half + z * log_fit(z), k * V(single ? T(9.0580006145e-06) : T(1.90821492927058770002e-10)));
  const V logarithm = fma(k, V(single ? T(6.9313812256e-01) : T(6.93147180369123816490e-01)), -((half - low) - f));
  const auto zero = V(T(0)).v, infinity = V(T(__builtin_inf())).v;
  const V positive = x.v == infinity || x.v != x.v ? x.v : logarithm.v;
  return x.v < zero ? V(T(__builtin_nan(""))).v : x.v == zero ? -infinity : positive.v;
}

// log(1 + e^x), from e^-|x|, whose rounding when 1 is added to it is made good.
template <class T>
KEEPGATE_INLINE Vec<T> softplus(Vec<T> x) {
  using V = Vec<T>;
  const V power = exp(-abs(x)), sum = power + V(T(1));
  return relu(x) + (log(sum) + (power - (sum - V(T(1)))) / sum);
}

template <class T>
KEEPGATE_INLINE Vec<T> minimum(Vec<T> a, Vec<T> b) {
  return a.v == a.v ? min(a, b).v : a.v;
}
// 1 where x > 0, else 0.
template <class T>
KEEPGATE_INLINE Vec<T> step_of(Vec<T> x) {
  return x.v > Vec<T>(T(0)).v ? Vec<T>(T(1)).v : Vec<T>(T(0)).v;
}
// 1 where a > b, else 0.
template <class T>
KEEPGATE_INLINE Vec<T> greater(Vec<T> a, Vec<T> b) {
  return a.v > b.v ? Vec<T>(T(1)).v : Vec<T>(T(0)).v;
}

}  // namespace keepgate::KEEPGATE_SET
