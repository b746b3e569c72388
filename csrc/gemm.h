// The one product that everything is made of: rows of numbers times a panel of packed weights, in registers.
//
// A panel holds a few vectors of columns for every k, side by side; a tile of rows keeps one sum a row and vector in a
// register while k runs through. Each sum is taken in the order of k whatever the tile's height, so a row's result has
// the same bits in any batch.
#pragma once
#include "vec.h"

namespace keepgate::KEEPGATE_SET {

// Registers that hold sums; the rest hold weights and one number of a row.
constexpr int sums = registers == 32 ? 24 : 12;
constexpr int max_panel = 8, max_tile = 8;  // vectors of a panel, rows of a tile

constexpr int tile_rows(int vectors) {
  const int rows = sums / vectors;
  return rows < 1 ? 1 : rows > max_tile ? max_tile : rows;
}

// Rows that do not fill the registers take several panels at once, so that no sum waits for itself.
constexpr int panels_at_once(int vectors, int rows) {
  const int fit = sums / (vectors * rows);
  return fit >= 4 ? 4 : fit >= 2 ? 2 : 1;
}

// sum += a b in the very register that holds the sum: g++ 12 would copy sums about, on the ports that multiply.
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

// Weights used by several rows are loaded once: g++ 12 would otherwise load them again for each.
template <class V>
KEEPGATE_INLINE V held(V weight) {
#if defined(__x86_64__)
  if (registers == 32) asm("" : "+v"(weight.v));
#endif
  return weight;
}

// sum[r][n] = start[r][n] + Σ_k a(r, k) w[k][n], for k in `pieces` pieces of `length`.
template <class T>
struct Product {
  // Where a(r, k) lies: at a[r] + k, each piece `stride` after the last; or, across, at a[k] + r, in one piece.
  const T* const* a;
  long pieces, stride, length;
  const T* weights;  // [pieces · length, at weights_row][vectors · lanes]
  long weights_row;  // across; else they lie side by side
  const T* start;    // [rows, at start_row][vectors · lanes]; a step of 0 starts every row alike
  long start_row;
  T* sum;
  long sum_row;
  // How far the next panel's weights, start and sum lie from these.
  long next_weights, next_start, next_sum;
  const T* ahead;  // what will be read after the last panel: fetched meanwhile, a line for each k of each tile
  long a_row = 1;  // how far the rows' entries in `a` lie apart
  long row = 0;    // across: the tile's first
};

template <class T, bool across, int rows, int vectors, int panels>
struct Tile {
  using V = Vec<T>;
  static constexpr int count = panels * rows * vectors;

  // THE HOT LOOP: nine tenths of the core's time are spent here.
  static void run(const Product<T>& p) {
    V sum[count];
    const T* a[rows];
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++) a[r] = across ? nullptr : p.a[r * p.a_row];
#pragma GCC unroll 32
    for (int i = 0; i < count; i++) sum[i] = V::load(p.start + at(i, p.next_start, p.start_row));
    const T *weights = p.weights, *ahead = p.ahead;
    const long next = p.next_weights, length = p.length, step = across ? p.weights_row : vectors * V::lanes;
    for (long piece = 0; piece < p.pieces; piece++) {
#pragma GCC unroll 2
      for (long k = 0; k < length; k++, weights += step, ahead += 64 / long(sizeof(T))) {
        if (rows > 2 && !across) __builtin_prefetch(ahead, 0, 2);
        const T* const column = across ? p.a[k] + p.row : nullptr;
#pragma GCC unroll 16
        for (int q = 0; q < panels; q++) {
          V w[vectors];
#pragma GCC unroll 16
          for (int n = 0; n < vectors; n++) w[n] = held(V::load(weights + q * next + n * V::lanes));
#pragma GCC unroll 16
          for (int r = 0; r < rows; r++) {
            const V number = across ? column[r] : a[r][k];
#pragma GCC unroll 16
            for (int n = 0; n < vectors; n++) add_product(sum[(q * rows + r) * vectors + n], number, w[n]);
          }
        }
      }
#pragma GCC unroll 16
      for (int r = 0; r < rows; r++) a[r] += p.stride;
    }
#pragma GCC unroll 32
    for (int i = 0; i < count; i++) sum[i].store(p.sum + at(i, p.next_sum, p.sum_row));
  }

  static constexpr long at(int i, long next, long row) {
    return i / (rows * vectors) * next + i / vectors % rows * row + i % vectors * V::lanes;
  }
};

// The tile of each shape, by its numbers at run time.
template <class T, bool across>
struct Tiles {
  void (*run[max_panel + 1][max_tile + 1][3])(const Product<T>&) = {};  // [vectors][rows][panels: 1, 2, 4]

  template <int vectors = 1, int rows = 1>
  constexpr void fill() {
    constexpr int fit = across ? 1 : panels_at_once(vectors, rows);
    run[vectors][rows][0] = Tile<T, across, rows, vectors, 1>::run;
    if constexpr (fit >= 2) run[vectors][rows][1] = Tile<T, across, rows, vectors, 2>::run;
    if constexpr (fit >= 4) run[vectors][rows][2] = Tile<T, across, rows, vectors, 4>::run;
    if constexpr (rows < tile_rows(vectors))
      fill<vectors, rows + 1>();
    else if constexpr (vectors < max_panel)
      fill<vectors + 1>();
  }
  constexpr Tiles() { fill(); }
};

// Rows [from, to) of p and `panels` panels of so many vectors, in as few tiles as can be, of nearly equal height.
template <class T, bool across = false>
void multiply(const Product<T>& p, int vectors, long from, long to, long panels) {
  static constexpr Tiles<T, across> tiles;
  const long rows = to - from;
  if (rows <= 0) return;
  const long count = (rows + tile_rows(vectors) - 1) / tile_rows(vectors), height = rows / count, rest = rows % count;
  const long fit = across ? 1 : panels_at_once(vectors, int(height + (rest > 0)));
  Product<T> q = p;
  for (long panel = 0, taken; panel < panels; panel += taken) {
    taken = panels - panel >= fit ? fit : panels - panel == 3 ? 2 : panels - panel;
    q.weights = p.weights + panel * p.next_weights;
    q.ahead = panel + taken < panels ? q.weights + taken * p.next_weights : p.ahead;
    for (long tile = 0, now; tile < count; tile++, q.row += now) {
      now = height + (tile < rest);
      if (tile == 0) q.row = from;
      q.a = across ? p.a : p.a + q.row * p.a_row;
      q.start = p.start + panel * p.next_start + q.row * p.start_row;
      q.sum = p.sum + panel * p.next_sum + q.row * p.sum_row;
      tiles.run[vectors][now][taken == 4 ? 2 : taken - 1](q);
      q.ahead += p.pieces * p.length * (64 / long(sizeof(T)));
    }
  }
}

// Vectors [from, to) of columns as panels of at most four: f(first, vectors, how many such panels).
constexpr int panel_vectors = 4;
template <class F>
KEEPGATE_INLINE void in_panels(long from, long to, F f) {
  const long whole = (to - from) / panel_vectors, rest = (to - from) % panel_vectors;
  if (whole > 0) f(from, panel_vectors, whole);
  if (rest > 0) f(to - rest, int(rest), 1L);
}

}  // namespace keepgate::KEEPGATE_SET
