// Products with int8 weights by whole numbers, where the processor multiplies these four at a time (AVX512-VNNI): each
// row is written as digits of eight bits, within 2^-24 of its largest number, and every sum of products is exact.
#pragma once
#include "gemm.h"

namespace keepgate::KEEPGATE_SET {

#if defined(__AVX512F__)
constexpr long digit_count = 3;
constexpr long digit_bytes(long length) { return (length + 63) / 64 * 64; }
inline const bool has_vnni = __builtin_cpu_supports("avx512vnni");

// A row's numbers are unit · (digit_0 + 256 digit_1 + 65536 digit_2), of -128 to 127 each.
struct Digits {
  int8_t* digit;  // [digit_count][digit_bytes(length)]
  int excess[digit_count];  // 128 times the sum of each digit: weights are stored with 128 more, as the instruction
                            // reads them
  float unit;

  // False for a row that has a NaN or an infinity, or whose largest number is too large or small to be scaled.
  bool write(const float* row, long length) {
    constexpr long most = 1 << 16;  // products whose sum fits into 32 bits
    VecF::Bits largest{}, sums[digit_count] = {};
    for (long k = 0; k < length; k += VecF::lanes) {
      const VecF::Bits magnitude = (VecF::Bits)VecF::load(row + k, length - k).v & 0x7fffffff;
      largest = magnitude > largest ? magnitude : largest;
    }
    const float top = _mm512_reduce_max_ps((VecF::Native)largest);
    if (_mm512_reduce_max_epi32((__m512i)largest) >= 0x7e000000 || (top != 0 && top < 1e-30f) || length > most)
      return false;
    unit = top / 8.3e6f;
    const VecF scale(top == 0 ? 0 : 8.3e6f / top);
    for (long k = 0; k < length; k += VecF::lanes) {
      VecF::Bits rest = (VecF::Bits)_mm512_cvtps_epi32((VecF::load(row + k, length - k) * scale).v);
      for (int d = 0; d < digit_count; d++) {
        const VecF::Bits low = rest << 24 >> 24;
        rest = (rest - low) >> 8, sums[d] += low;
        _mm_storeu_si128(reinterpret_cast<__m128i*>(digit + d * digit_bytes(length) + k),
                         _mm512_cvtepi32_epi8((__m512i)low));
      }
    }
    for (int d = 0; d < digit_count; d++) excess[d] = 128 * _mm512_reduce_add_epi32((__m512i)sums[d]);
    return true;
  }
};

// One row times `panels` panels of `vectors` vectors.
template <int vectors, int panels>
void int8_tile(const Product<float>& p, const Digits& x) {
  constexpr int count = vectors * panels;
  VecF::Bits sum[digit_count][count] = {};
  const float* weights = p.weights;
  for (long k = 0; k < p.length; k += Int8::group, weights += vectors * VecF::lanes) {
    __m512i factor[digit_count];
#pragma GCC unroll 3
    for (int d = 0; d < digit_count; d++) {
      int four;
      std::memcpy(&four, x.digit + d * digit_bytes(p.length) + k, sizeof four);
      factor[d] = _mm512_set1_epi32(four);
    }
#pragma GCC unroll 8
    for (int i = 0; i < count; i++) {
      const VecF stored = VecF::load(weights + i / vectors * p.next_weights + i % vectors * VecF::lanes);
#pragma GCC unroll 3
      for (int d = 0; d < digit_count; d++)
        asm("vpdpbusd %2, %1, %0" : "+v"(sum[d][i]) : "v"(stored.v), "v"(factor[d]));
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < count; i++) {
    VecF all(0.0f);
#pragma GCC unroll 3
    for (int d = digit_count - 1; d >= 0; d--)
      all = fma(all, 256.0f, __builtin_convertvector(sum[d][i] - x.excess[d], VecF::Native));
    const long column = i % vectors * VecF::lanes;
    float* const to = p.sum + i / vectors * p.next_sum + column;
    const VecF start = VecF::load(p.start ? p.start + column : to);
    fma(all * x.unit, VecF::load(p.scale + i * VecF::lanes), start).store(to);
  }
}

template <int... vectors>
struct Int8Tiles {
  // The widest that leave registers for the factors: eight vectors.
  void (*run[max_panel][2])(const Product<float>&,
                            const Digits&) = {{int8_tile<vectors, 1>, int8_tile<vectors, 8 / vectors>}...};
};
#endif

// multiply() for weights as they are packed. scratch: for narrow ones at least a panel of them in T, four rows more.
template <class W, class T>
void multiply_packed(const Product<T>& p, int vectors, long from, long to, long panels, [[maybe_unused]] T* scratch) {
#if defined(__AVX512F__)
  if constexpr (W::scaled) {
    static constexpr Int8Tiles<1, 2, 3, 4, 5, 6, 7, 8> tiles;
    Digits x = {reinterpret_cast<int8_t*>(scratch), {}, 0};
    for (long r = from; has_vnni && r < to; r++) {
      if (!x.write(p.a[r * p.a_row], p.length)) {
        multiply<T, W>(p, vectors, r, r + 1, panels);
        continue;
      }
      Product<T> q = p;
      q.next_weights = vectors * VecF::lanes * groups<W>(p.length), q.sum = p.sum + r * p.sum_row;
      for (long panel = 0, taken; panel < panels; panel += taken) {
        taken = panels - panel >= 8 / vectors ? 8 / vectors : 1;
        tiles.run[vectors - 1][taken > 1](q, x);
        q.weights += taken * q.next_weights, q.scale += taken * vectors * VecF::lanes, q.sum += taken * p.next_sum;
      }
    }
    if (has_vnni) return;
  }
#endif
  if (W::group == 1 || to - from <= tile_rows(vectors)) return multiply<T, W>(p, vectors, from, to, panels);
  // For several tiles each panel is widened once.
  const long width = vectors * Vec<T>::lanes;
  const T* stored = p.weights;
  Product<T> q = p;
  q.weights = q.prefetch = scratch;
  for (; panels > 0; panels--, q.sum += p.next_sum, q.scale += width) {
    for (long i = 0; i < groups<W>(p.length) * width; i += Vec<T>::lanes)
      for (int j = 0; j < W::group; j++)
        W::weight(stored + i, j).store(scratch + (i / width * W::group + j) * width + i % width);
    stored += groups<W>(p.length) * width;
    multiply<T, typename W::Widened>(q, vectors, from, to, 1);
  }
}

}  // namespace keepgate::KEEPGATE_SET
