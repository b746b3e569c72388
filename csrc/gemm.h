// The one product that everything is made of: rows of numbers times a panel of packed weights, in registers.
//
// A panel holds a few vectors of columns for every k, side by side; a tile of rows keeps one sum a row and vector in a
// register while k runs through. Each sum is taken in the order of k whatever the tile's height, so a row's result has
// the same bits in any batch.
#pragma once
#include "vec.h"

namespace keepgate::KEEPGATE_SET {

constexpr int sums =
    registers == 32 ? 24 : 12;  // registers that hold sums; the rest hold weights and one number of a row
constexpr int max_vectors_of_panel = 8, max_tile = 8;

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

// sum[r][n] = start[r][n] + Σ_k a[r][k] w[k][n], for k in `pieces` pieces of `length`, of which a row's lie `stride`
// apart.
template <class T>
struct Product {
  const T* const* a;  // one address for each row
  long pieces, stride, length;
  const T* weights;  // [pieces · length][vectors · lanes]
  const T* start;    // [rows, at start_row][vectors · lanes]; a step of 0 starts every row alike
  long start_row;
  T* sum;
  long sum_row;
  // How far the next panel's weights, start and sum lie from these.
  long next_weights, next_start, next_sum;
  const T* ahead;  // what will be read after the last panel: fetched meanwhile, a line for each k of each tile
};

// Weights used by several rows are loaded once: g++ 12 would otherwise load them again for each.
template <class V>
KEEPGATE_INLINE V held(V weight) {
#if defined(__x86_64__)
  if (registers == 32) asm("" : "+v"(weight.v));
#endif
  return weight;
}

template <class T, int rows, int vectors, int panels>
struct Tile {
  using V = Vec<T>;
  static constexpr long width = vectors * V::lanes, line = 64 / long(sizeof(T));

  static void run(const Product<T>& p) {
    V sum[panels * rows * vectors];
    const T* a[rows];
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++) a[r] = p.a[r];
#pragma GCC unroll 32
    for (int i = 0; i < panels * rows * vectors; i++)
      sum[i] = V::load(p.start + i / (rows * vectors) * p.next_start + i / vectors % rows * p.start_row +
                       i % vectors * V::lanes);
    const T *weights = p.weights, *ahead = p.ahead;
    const long next = p.next_weights, length = p.length;
    for (long piece = 0; piece < p.pieces; piece++) {
#pragma GCC unroll 2
      for (long k = 0; k < length; k++, weights += width, ahead += line) {
        if (rows > 2) __builtin_prefetch(ahead, 0, 2);
#pragma GCC unroll 16
        for (int q = 0; q < panels; q++) {
          V w[vectors];
#pragma GCC unroll 16
          for (int n = 0; n < vectors; n++) w[n] = held(V::load(weights + q * next + n * V::lanes));
#pragma GCC unroll 16
          for (int r = 0; r < rows; r++) {
            const V number = a[r][k];
#pragma GCC unroll 16
            for (int n = 0; n < vectors; n++) add_product(sum[(q * rows + r) * vectors + n], number, w[n]);
          }
        }
      }
#pragma GCC unroll 16
      for (int r = 0; r < rows; r++) a[r] += p.stride;
    }
#pragma GCC unroll 32
    for (int i = 0; i < panels * rows * vectors; i++)
      sum[i].store(p.sum + i / (rows * vectors) * p.next_sum + i / vectors % rows * p.sum_row + i % vectors * V::lanes);
  }
};

// What one vector of rows adds to a matrix of gradients: sum[m][n] += Σ_row x[row][m] d[row][n].
template <class T>
struct Outer {
  const T* const* x;  // one address for each row
  long rows;
  const T* d;  // [rows, at d_row][vectors · lanes]
  long d_row;
  T* sum;  // [m][vectors · lanes]
};

template <class T, int height, int vectors>
struct OuterTile {
  using V = Vec<T>;

  static void run(const Outer<T>& p, long m) {
    V sum[height][vectors];
    T* const to = p.sum + m * vectors * V::lanes;
#pragma GCC unroll 16
    for (int i = 0; i < height; i++)
#pragma GCC unroll 16
      for (int n = 0; n < vectors; n++) sum[i][n] = V::load(to + (i * vectors + n) * V::lanes);
    const T* d = p.d;
    for (long row = 0; row < p.rows; row++, d += p.d_row) {
      const T* const x = p.x[row] + m;
      V w[vectors];
#pragma GCC unroll 16
      for (int n = 0; n < vectors; n++) w[n] = held(V::load(d + n * V::lanes));
#pragma GCC unroll 16
      for (int i = 0; i < height; i++) {
        const V number = x[i];
#pragma GCC unroll 16
        for (int n = 0; n < vectors; n++) add_product(sum[i][n], number, w[n]);
      }
    }
#pragma GCC unroll 16
    for (int i = 0; i < height; i++)
#pragma GCC unroll 16
      for (int n = 0; n < vectors; n++) sum[i][n].store(to + (i * vectors + n) * V::lanes);
  }
};

// The tile of each shape, by its numbers at run time.
template <class T, int vectors>
struct Tiles {
  using Run = void (*)(const Product<T>&);
  using RunOuter = void (*)(const Outer<T>&, long m);
  Run product[max_tile + 1][3] = {};  // [rows][panels: 1, 2, 4]
  RunOuter outer[max_tile + 1] = {};

  template <int rows = 1>
  constexpr void fill() {
    if constexpr (rows <= tile_rows(vectors)) {
      product[rows][0] = Tile<T, rows, vectors, 1>::run;
      if constexpr (panels_at_once(vectors, rows) >= 2) product[rows][1] = Tile<T, rows, vectors, 2>::run;
      if constexpr (panels_at_once(vectors, rows) >= 4) product[rows][2] = Tile<T, rows, vectors, 4>::run;
      outer[rows] = OuterTile<T, rows, vectors>::run;
      fill<rows + 1>();
    }
  }
  constexpr Tiles() { fill(); }
};

// `count` things in as few tiles of at most `most` as can be, of nearly equal height: f(first, height).
template <class F>
KEEPGATE_INLINE void in_tiles(long count, long most, F f) {
  if (count <= 0) return;
  const long tiles = (count + most - 1) / most, height = count / tiles, higher = count % tiles;
  for (long i = 0, first = 0; i < tiles; i++) {
    const long now = height + (i < higher);
    f(first, now);
    first += now;
  }
}

// All `rows` of p, and `panels` panels.
template <class T, int vectors>
void multiply(const Product<T>& p, long rows, long panels) {
  static constexpr Tiles<T, vectors> tiles;
  constexpr long line = 64 / long(sizeof(T));
  if (rows == 0) return;
  const long count = (rows + tile_rows(vectors) - 1) / tile_rows(vectors), highest = (rows + count - 1) / count;
  Product<T> q = p;
  for (long panel = 0; panel < panels;) {
    const long left = panels - panel, fit = panels_at_once(vectors, int(highest)),
               taken = left < fit ? (left == 3 ? 2 : left) : fit;
    q.ahead = panel + taken < panels ? p.weights + (panel + taken) * p.next_weights : p.ahead;
    in_tiles(rows, tile_rows(vectors), [&](long first, long height) {
      q.a = p.a + first;
      q.weights = p.weights + panel * p.next_weights;
      q.start = p.start + panel * p.next_start + first * p.start_row;
      q.sum = p.sum + panel * p.next_sum + first * p.sum_row;
      tiles.product[height][taken == 4 ? 2 : taken - 1](q);
      q.ahead += p.pieces * p.length * line;
    });
    panel += taken;
  }
}

// Rows [from, to) of the matrix of gradients.
template <class T, int vectors>
void add_outer(const Outer<T>& p, long from, long to) {
  static constexpr Tiles<T, vectors> tiles;
  in_tiles(to - from, tile_rows(vectors), [&](long first, long height) { tiles.outer[height](p, from + first); });
}

}  // namespace keepgate::KEEPGATE_SET
