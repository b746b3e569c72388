// How the weights of a product are stored in a panel: as they are, or narrow, several in the four bytes of one float.
#pragma once
#include "core.h"
#include "vec.h"

namespace keepgate::KEEPGATE_SET {

// A format: `group` weights of one column, of consecutive k, lie in each number of a panel, and products are scaled by
// column if they are `scaled`. weight(): a vector of the i-th of them, widened to what Widened is; pack(): their
// numbers.
template <bool scales>
struct Stored {
  static constexpr int group = 1;
  static constexpr bool scaled = scales;
  using Widened = Stored;
  template <class T>
  static KEEPGATE_INLINE Vec<T> weight(const T* stored, int) {
    return Vec<T>::load(stored);
  }
  template <class V>
  static KEEPGATE_INLINE V pack(const V* weights) {
    return weights[0];
  }
};
using Whole = Stored<false>;

struct BFloat16 {
  static constexpr int group = 2;
  static constexpr bool scaled = false;
  using Widened = Whole;
  static KEEPGATE_INLINE VecF weight(const float* stored, int i) {
    const VecF::Bits bits = (VecF::Bits)VecF::load(stored).v;
    return (VecF::Native)(i ? bits & ~0xffff : bits << 16);
  }
  static KEEPGATE_INLINE VecF pack(const VecF* weights) {
    return (VecF::Native)(((VecF::Bits)weights[0].v >> 16 & 0xffff) | ((VecF::Bits)weights[1].v & ~0xffff));
  }
};

// Whole numbers from -127 to 127. AVX2 stores them as bfloat16, which holds each of them and takes fewer instructions
// to widen; elsewhere a number has the four of its column, each with 128 more, as AVX512-VNNI reads them.
#if defined(__AVX2__) && !defined(__AVX512F__)
struct Int8 : BFloat16 {
  static constexpr bool scaled = true;
  using Widened = Stored<true>;
};
#else
struct Int8 {
  static constexpr int group = 4;
  static constexpr bool scaled = true;
  using Widened = Stored<true>;
  static KEEPGATE_INLINE VecF weight(const float* stored, int i) {
    const VecF::Bits bytes = (VecF::Bits)VecF::load(stored).v ^ int32_t(0x80808080);
    return __builtin_convertvector(bytes << (24 - 8 * i) >> 24, VecF::Native);
  }
  static KEEPGATE_INLINE VecF pack(const VecF* weights) {
    VecF::Bits bytes{};
    // Adding this leaves a whole number in the low bits.
    for (int i = 0; i < group; i++) bytes |= ((VecF::Bits)(weights[i] + VecF(0x1.8p23f + 128)).v & 0xff) << 8 * i;
    return (VecF::Native)bytes;
  }
};
#endif

// What a packed weight takes.
constexpr long weight_bytes(Type type) {
  if (type == Type::float64) return 8;
  return 4 / (type == Type::int8_weights ? Int8::group : type == Type::bfloat16_weights ? BFloat16::group : 1);
}

// Numbers of a panel's column for `length` weights; narrow ones fill whole tiles of AMX (amx.h), with zeros.
template <class W>
constexpr long groups(long length) {
  const long count = (length + W::group - 1) / W::group;
  return W::group == 1 || register_bytes < 64 ? count : (count + 15) / 16 * 16;
}

}  // namespace keepgate::KEEPGATE_SET
