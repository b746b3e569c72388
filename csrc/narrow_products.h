// Products with weights as they are packed: narrow ones by instructions for narrow numbers where the processor has
// these, else widened.
#pragma once
#include <type_traits>

#include "amx.h"

namespace keepgate::KEEPGATE_SET {

#if defined(__AVX512F__)
inline const bool has_vnni = __builtin_cpu_supports("avx512vnni");

// The digits of a row times `panels` panels of `vectors` vectors of int8, from panel `first` on, by AVX512-VNNI.
template <int vectors, int panels>
void vnni_tile(const Product<float>& p, const Digits& digits, const char* part, long row, long first) {
  constexpr int count = vectors * panels;
  const long stride = part_stride<Digits>(p.length), next_panel = vectors * VecF::lanes * groups<Int8>(p.length);
  const float* weights = p.weights + first * next_panel;
  VecF::Bits sum[count][part_count] = {};
  for (long k = 0; k < p.length; k += Int8::group, weights += vectors * VecF::lanes) {
    __m512i factor[part_count];
#pragma GCC unroll 3
    for (int d = 0; d < part_count; d++) {
      int four;
      std::memcpy(&four, part + d * stride + k, sizeof four);
      factor[d] = _mm512_set1_epi32(four);
    }
#pragma GCC unroll 8
    for (int i = 0; i < count; i++) {
      const VecF stored = VecF::load(weights + i / vectors * next_panel + i % vectors * VecF::lanes);
#pragma GCC unroll 3
      for (int d = 0; d < part_count; d++) asm("vpdpbusd %2, %1, %0" : "+v"(sum[i][d]) : "v"(stored.v), "v"(factor[d]));
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < count; i++) add_total<Int8>(p, vectors, row, {first + i / vectors, i % vectors}, digits, sum[i]);
}

template <int... vectors>
struct VnniTiles {
  // The widest that leave registers for the factors: eight vectors.
  void (*run[max_panel][2])(const Product<float>&, const Digits&, const char*, long,
                            long) = {{vnni_tile<vectors, 1>, vnni_tile<vectors, 8 / vectors>}...};
};

inline void vnni_product(const Product<float>& p, int vectors, long panels, const Digits& digits, const char* part,
                         long row) {
  static constexpr VnniTiles<1, 2, 3, 4, 5, 6, 7, 8> tiles;
  for (long panel = 0, taken; panel < panels; panel += taken) {
    taken = panels - panel >= 8 / vectors ? 8 / vectors : 1;
    tiles.run[vectors - 1][taken > 1](p, digits, part, row, panel);
  }
}
#endif

// By parts of the rows, where the processor has instructions for them and for W; false where it has none.
template <class W>
bool multiply_parts([[maybe_unused]] const Product<float>& p, [[maybe_unused]] int vectors, [[maybe_unused]] long from,
                    [[maybe_unused]] long to, [[maybe_unused]] long panels, [[maybe_unused]] float* scratch) {
#if defined(__AVX512F__)
  using Parts = std::conditional_t<W::scaled, Digits, Leading>;
  const bool amx = has_amx(), vnni = W::scaled && has_vnni;
  if (!amx && !vnni) return false;
  constexpr long most = 8 * amx_rows;  // rows whose parts are there at once
  const long bytes = part_count * part_stride<Parts>(p.length);
  char* const part = reinterpret_cast<char*>(scratch);
  Parts parts[most];
  long row[most], held = 0;
  for (long r = from; r < to; r++) {
    if (parts[held].write(p.a[r * p.a_row], p.length, part + held * bytes))
      row[held++] = r;
    else
      multiply<float, W>(p, vectors, r, r + 1, panels);
    if (held < most && r + 1 < to) continue;
    if constexpr (W::scaled)
      for (long i = 0; vnni && (!amx || held == 1) && i < held; i++)
        vnni_product(p, vectors, panels, parts[i], part + i * bytes, row[i]);
    if (amx && (held > 1 || (!vnni && held > 0))) amx_product<W>(p, vectors, panels, parts, part, row, held);
    held = 0;
  }
  return true;
#else
  return false;
#endif
}

// multiply() for weights as they are packed. scratch: for narrow ones the widest panel of them in T, or parts of rows.
template <class W, class T>
void multiply_packed(const Product<T>& p, int vectors, long from, long to, long panels, [[maybe_unused]] T* scratch) {
  if constexpr (W::group > 1)
    if (multiply_parts<W>(p, vectors, from, to, panels, scratch)) return;
  if (W::group == 1 || to - from <= tile_rows(vectors)) return multiply<T, W>(p, vectors, from, to, panels);
  // For several tiles each panel is widened once.
  const long width = vectors * Vec<T>::lanes, panel_size = groups<W>(p.length) * width;
  const T* stored = p.weights;
  Product<T> q = p;
  q.weights = q.prefetch = scratch;
  for (; panels > 0; panels--, q.sum += p.next_sum, q.scale += width, stored += panel_size) {
    for (long i = 0; i < panel_size; i += Vec<T>::lanes)
      for (int j = 0; j < W::group; j++)
        W::weight(stored + i, j).store(scratch + (i / width * W::group + j) * width + i % width);
    multiply<T, typename W::Widened>(q, vectors, from, to, 1);
  }
}

}  // namespace keepgate::KEEPGATE_SET
