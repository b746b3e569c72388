// A row of float32 as the sum of three rows of narrow numbers, nothing rounded or to 2^-24 of its largest: what
// instructions for narrow numbers multiply by weights that are as narrow.
#pragma once
#include "gemm.h"

namespace keepgate::KEEPGATE_SET {

#if defined(__AVX512F__)
constexpr long part_count = 3;
// From one part of a row to the next: whole tiles, of zeros beyond the row.
template <class Parts>
constexpr long part_stride(long length) {
  return (length * long(sizeof(typename Parts::Number)) + 63) / 64 * 64;
}

// unit · (digit_0 + 256 digit_1 + 65536 digit_2), digits of -128 to 127: sums of their products are whole numbers.
struct Digits {
  using Number = int8_t;
  using Sum = VecF::Bits;
  int excess[part_count];  // 128 times the sum of each digit: weights are stored with 128 more
  float unit;

  // False for a row that has a NaN or an infinity, or whose largest number is too large or small to be scaled.
  bool write(const float* row, long length, char* part) {
    constexpr long most = 1 << 16;  // products whose sum fits into 32 bits
    VecF::Bits largest{}, sums[part_count] = {};
    for (long k = 0; k < length; k += VecF::lanes) {
      const VecF::Bits magnitude = (VecF::Bits)VecF::load(row + k, length - k).v & 0x7fffffff;
      largest = magnitude > largest ? magnitude : largest;
    }
    const float top = _mm512_reduce_max_ps((VecF::Native)largest);
    if (_mm512_reduce_max_epi32((__m512i)largest) >= 0x7e000000 || (top != 0 && top < 1e-30f) || length > most)
      return false;
    unit = top / 8.3e6f;
    const VecF scale(top == 0 ? 0 : 8.3e6f / top);
    const long stride = part_stride<Digits>(length);
    for (long k = 0; k < stride; k += VecF::lanes) {
      const VecF numbers = k < length ? VecF::load(row + k, length - k) : VecF(0.0f);
      VecF::Bits rest = (VecF::Bits)_mm512_cvtps_epi32((numbers * scale).v);
      for (long d = 0; d < part_count; d++) {
        const VecF::Bits low = rest << 24 >> 24;
        rest = (rest - low) >> 8, sums[d] += low;
        _mm_storeu_si128(reinterpret_cast<__m128i*>(part + d * stride + k), _mm512_cvtepi32_epi8((__m512i)low));
      }
    }
    for (int d = 0; d < part_count; d++) excess[d] = 128 * _mm512_reduce_add_epi32((__m512i)sums[d]);
    return true;
  }

  VecF total(const Sum (&sum)[part_count]) const {
    VecF all(0.0f);
    for (int d = part_count - 1; d >= 0; d--)
      all = fma(all, 256.0f, __builtin_convertvector(sum[d] - excess[d], VecF::Native));
    return all * unit;
  }
};

// The leading eight bits of each number, the next eight, the last eight: bfloat16 each.
struct Leading {
  using Number = uint16_t;
  using Sum = VecF;

  // False for a row that has a NaN or an infinity, or only numbers whose last bits would be too small.
  bool write(const float* row, long length, char* part) {
    const long stride = part_stride<Leading>(length);
    VecF::Bits largest{};
    for (long k = 0; 2 * k < stride; k += VecF::lanes) {
      VecF rest = k < length ? VecF::load(row + k, length - k) : VecF(0.0f);
      const VecF::Bits magnitude = (VecF::Bits)rest.v & 0x7fffffff;
      largest = magnitude > largest ? magnitude : largest;
      for (long d = 0; d < part_count; d++) {
        const VecF::Bits leading = (VecF::Bits)rest.v & ~0xffff;
        rest = rest - VecF((VecF::Native)leading);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(part + d * stride + 2 * k),
                            _mm512_cvtepi32_epi16(_mm512_srli_epi32((__m512i)leading, 16)));
      }
    }
    const int top = _mm512_reduce_max_epi32((__m512i)largest);
    return top < 0x7f800000 && (top == 0 || top > 0x0d800000);
  }

  VecF total(const Sum (&sum)[part_count]) const { return sum[2] + sum[1] + sum[0]; }
};

// A vector of columns: a panel's number, and the vector's in the panel.
struct Column {
  long panel, vector;
};

// Adds what the parts of a row came to, as the sum of its products with a vector of columns, to row r of p's sums.
template <class W, class Parts>
KEEPGATE_INLINE void add_total(const Product<float>& p, int vectors, long r, Column column, const Parts& parts,
                               const typename Parts::Sum (&sum)[part_count]) {
  const long in_panel = column.vector * VecF::lanes;
  float* const to = p.sum + r * p.sum_row + column.panel * p.next_sum + in_panel;
  const VecF start = VecF::load(p.start ? p.start + in_panel : to), all = parts.total(sum);
  const float* const scale = p.scale + (column.panel * vectors + column.vector) * VecF::lanes;
  (W::scaled ? fma(all, VecF::load(scale), start) : start + all).store(to);
}
#endif

}  // namespace keepgate::KEEPGATE_SET
