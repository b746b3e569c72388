// GEMM microkernel: a tile of rows times a panel of packed weights, accumulated in registers.
//
// A panel holds a few vectors of columns for every k, contiguous; a tile keeps one accumulator a row and vector while k
// runs. Every accumulator sums in the order of k whatever the tile's height, so a row's result has the same bits in any
// batch.
#pragma once
#include "narrow.h"

namespace keepgate::KEEPGATE_SET {

// Registers for accumulators; the rest hold weights and one broadcast number of a row.
constexpr int accumulators = registers == 32 ? 24 : 12;
constexpr int max_panel = 8, max_tile = 8;  // vectors of a panel, rows of a tile

constexpr int tile_rows(int vectors) {
  const int rows = accumulators / vectors;
  return rows < 1 ? 1 : rows > max_tile ? max_tile : rows;
}

// A tile too low to fill the registers takes several panels at once: enough independent accumulators to hide the
// latency of an FMA.
constexpr int panels_at_once(int vectors, int rows) {
  const int fit = accumulators / (vectors * rows);
  return fit >= 4 ? 4 : fit >= 2 ? 2 : 1;
}

// sum += a b, in place: g++ 12 would copy accumulators between registers, on the ports that multiply.
template <class V>
KEEPGATE_INLINE void add_product(V& sum, V a, V b) {
#if defined(__AVX2__)
  if constexpr (sizeof(typename V::Number) == 4)
    asm("vfmadd231ps %2, %1, %0" : "+v"(sum.v) : "v"(a.v), "v"(b.v));
  else
    asm("vfmadd231pd %2, %1, %0" : "+v"(sum.v) : "v"(a.v), "v"(b.v));
#else
  sum = fma(a, b, sum);
#endif
}

// Keeps what several products use in its register: g++ 12 would load it again for each.
template <class V>
KEEPGATE_INLINE V keep_in_register(V x) {
#if defined(__x86_64__)
  asm("" : "+v"(x.v));
#endif
  return x;
}

// sum[r][n] = start[n] + Σ_k a(r, k) w[k][n], without a start += Σ; k runs over `pieces` pieces of `length`. The
// columns of W's sums that are scaled: += scale[n] Σ.
//
// `across` is the transposed access of a weight gradient (wgrad): a(r, k) = a[k][r], rows of a outer product.
template <class T>
struct Product {
  const T* const* a = nullptr;  // a(r, k) is a[r · a_row][k], piece p at p · stride; across: a[k][r], one piece
  long a_row = 1;
  long pieces = 1, stride = 0, length = 0;
  const T* weights = nullptr;  // [pieces · groups(length)][vectors · lanes], contiguous; across: rows weights_row apart
  const T* scale = nullptr;  // [vectors · lanes], of the next panel behind
  long weights_row = 0;
  const T* start = nullptr;  // [vectors · lanes], the same for all panels
  T* sum = nullptr;  // [rows][vectors · lanes], rows sum_row apart
  long sum_row = 0;
  long next_sum = 0;  // from panel to panel; their weights are contiguous
  const T* prefetch = nullptr;  // what is read next, if not these weights again: one cache line for each k of a tile
  long row = 0, next_weights = 0;  // set by multiply(); row, across: the tile's first one
};

template <class T, class W, bool across, int rows, int vectors, int panels>
struct Tile {
  using V = Vec<T>;
  static constexpr int count = panels * rows * vectors;

  // THE HOT LOOP: nine tenths of the core's time are spent here.
  static void run(const Product<T>& p) {
    V sum[count];
    const T* a[rows];
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++) a[r] = across ? nullptr : p.a[r * p.a_row];
    const T* const start = p.start ? p.start : p.sum;
    const long next_start = p.start ? 0 : p.next_sum, start_row = p.start ? 0 : p.sum_row;
#pragma GCC unroll 32
    for (int i = 0; i < count; i++) sum[i] = W::scaled ? V(T(0)) : V::load(start + at(i, next_start, start_row));
    const T *weights = p.weights, *prefetch = p.prefetch;
    const long next = p.next_weights, length = p.length, step = across ? p.weights_row : vectors * V::lanes;
    for (long piece = 0; piece < p.pieces; piece++) {
#pragma GCC unroll 2
      for (long k = 0; k < length; k += W::group, weights += step, prefetch += 64 / long(sizeof(T))) {
        if (rows > 2 && !across) __builtin_prefetch(prefetch, 0, 2);
        const T* const column = across ? p.a[k] + p.row : nullptr;
#pragma GCC unroll 16
        for (int q = 0; q < panels; q++) {
#pragma GCC unroll 4
          for (int i = 0; i < W::group; i++) {
            if (i > 0 && k + i >= length) break;
            const auto number = [&](int r) -> V { return across ? column[r] : a[r][k + i]; };
            const auto weight = [&](int n) -> V { return W::weight(weights + q * next + n * V::lanes, i); };
            // Of rows and vectors the fewer stay in registers, the others pass through one.
            constexpr bool rows_stay = rows < vectors;
            V kept[rows_stay ? rows : vectors];
#pragma GCC unroll 16
            for (int j = 0; j < (rows_stay ? rows : vectors); j++)
              kept[j] = keep_in_register(rows_stay ? number(j) : weight(j));
#pragma GCC unroll 16
            for (int m = 0; m < (rows_stay ? vectors : rows); m++) {
              const V passing = rows_stay ? keep_in_register(weight(m)) : number(m);
#pragma GCC unroll 16
              for (int j = 0; j < (rows_stay ? rows : vectors); j++)
                add_product(sum[(q * rows + (rows_stay ? j : m)) * vectors + (rows_stay ? m : j)],
                            rows_stay ? kept[j] : passing, rows_stay ? passing : kept[j]);
            }
          }
        }
      }
#pragma GCC unroll 16
      for (int r = 0; r < rows; r++) a[r] += p.stride;
    }
#pragma GCC unroll 32
    for (int i = 0; i < count; i++) {
      if (W::scaled)
        sum[i] =
            fma(sum[i], V::load(p.scale + at(i, vectors * V::lanes, 0)), V::load(start + at(i, next_start, start_row)));
      sum[i].store(p.sum + at(i, p.next_sum, p.sum_row));
    }
  }

  static constexpr long at(int i, long next, long row) {
    return i / (rows * vectors) * next + i / vectors % rows * row + i % vectors * V::lanes;
  }
};

// The instantiation of Tile for each shape, chosen at run time.
template <class T, class W, bool across>
struct Tiles {
  void (*run[max_panel + 1][max_tile + 1][3])(const Product<T>&) = {};  // [vectors][rows][panels: 1, 2, 4]

  template <int vectors = 1, int rows = 1>
  constexpr void fill() {
    constexpr int fit = across ? 1 : panels_at_once(vectors, rows);
    run[vectors][rows][0] = Tile<T, W, across, rows, vectors, 1>::run;
    if constexpr (fit >= 2) run[vectors][rows][1] = Tile<T, W, across, rows, vectors, 2>::run;
    if constexpr (fit >= 4) run[vectors][rows][2] = Tile<T, W, across, rows, vectors, 4>::run;
    if constexpr (rows < tile_rows(vectors))
      fill<vectors, rows + 1>();
    else if constexpr (vectors < max_panel)
      fill<vectors + 1>();
  }
  constexpr Tiles() { fill(); }
};

// Rows [from, to) of p times `panels` panels of `vectors` vectors, in as few tiles as possible, of nearly equal height.
template <class T, class W = Whole, bool across = false>
void multiply(const Product<T>& p, int vectors, long from, long to, long panels) {
  static constexpr Tiles<T, W, across> tiles;
  const long rows = to - from;
  if (rows <= 0) return;
  const long count = (rows + tile_rows(vectors) - 1) / tile_rows(vectors), height = rows / count, rest = rows % count;
  const long fit = across ? 1 : panels_at_once(vectors, int(height + (rest > 0)));
  Product<T> q = p;
  q.next_weights = vectors * Vec<T>::lanes * p.pieces * groups<W>(p.length);
  for (long panel = 0, taken; panel < panels; panel += taken) {
    taken = panels - panel >= fit ? fit : panels - panel == 3 ? 2 : panels - panel;
    q.weights = p.weights + panel * q.next_weights;
    if (W::scaled) q.scale = p.scale + panel * vectors * Vec<T>::lanes;
    q.prefetch = p.prefetch ? p.prefetch : p.weights;
    if (panel + taken < panels) q.prefetch = q.weights + taken * q.next_weights;
    for (long tile = 0, now; tile < count; tile++, q.row += now) {
      now = height + (tile < rest);
      if (tile == 0) q.row = from;
      q.a = across ? p.a : p.a + q.row * p.a_row;
      q.sum = p.sum + panel * p.next_sum + q.row * p.sum_row;
      tiles.run[vectors][now][taken == 4 ? 2 : taken - 1](q);
      // No farther than the next `taken` panels: more would push these weights out of level 2.
      const long lines = p.pieces * groups<W>(p.length) * (64 / long(sizeof(T)));
      if ((tile + 2) * lines <= taken * q.next_weights) q.prefetch += lines;
    }
  }
}

// Splits vectors [from, to) of columns into panels of at most four: f(first vector, vectors, number of such panels).
constexpr int panel_vectors = 4;
template <class F>
KEEPGATE_INLINE void in_panels(long from, long to, F f) {
  const long whole = (to - from) / panel_vectors, rest = (to - from) % panel_vectors;
  if (whole > 0) f(from, panel_vectors, whole);
  if (rest > 0) f(to - rest, int(rest), 1L);
}

}  // namespace keepgate::KEEPGATE_SET
