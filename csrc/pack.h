// Weight packing: for each block of units the panels that the microkernel reads contiguously.
#pragma once
#include "core.h"
#include "narrow_products.h"

namespace keepgate::KEEPGATE_SET {

constexpr long round_up(long n, long to) { return (n + to - 1) / to * to; }
template <class T>
const T* as(const void* p) {
  return static_cast<const T*>(p);
}
template <class T>
T* as(void* p) {
  return static_cast<T*>(p);
}

// Width of a scratch row: padded to whole panels, so that the last one is as full as the others.
template <class T>
constexpr long padded_width(long elements) {
  return round_up(elements, panel_vectors * Vec<T>::lanes);
}

// Rows of units [first, first + units) of a matrix [gates · hidden, inner], and their panel [inner][gate, in this
// order][unit], whose units beyond `hidden` are zero.
struct GateRows {
  long inner, hidden;
  const int* order;
  int gates;
  long first, units;
};

// Of the gates in the order of uh_gates some that follow each other.
struct GateRange {
  int first, count;
};

// A block: a few vectors of units with all their gates' columns, wide enough to fill a tile's registers.
template <class T>
struct Block {
  static_assert(max_gates <= max_panel, "a block of one vector has all gates in a panel");
  const CellProgram& cell;
  const int gates = cell.gates, split = cell.split, columns = gates + split;
  // Of units; whole rows are tiles of many blocks of one vector.
  const int vectors = gates > 2 || cell.whole_rows() ? 1 : gates == 2 ? 2 : 4;
  const long units = vectors * Vec<T>::lanes, width = columns * units, gate_width = gates * units;

  const GateRange all = {0, gates}, inside = {gates - cell.inside, cell.inside}, plain = {0, gates - cell.inside};

  explicit Block(const CellProgram& cell) : cell(cell) {}
  long count(long hidden) const { return (hidden + units - 1) / units; }
  // The reduction length of the recurrent product: h_{t-1} for a dense recurrence, else 0.
  long hh_length(const Sizes& s) const { return cell.dense ? s.output() : 0; }
  // Block u's rows of a matrix of all gates, those of the gates in a range.
  GateRows rows(long hidden, long u, long inner, const int* order, GateRange range) const {
    return {inner, hidden, order + range.first, range.count, u * units, units};
  }
  GateRows rows(long hidden, long u, long inner, const int* order) const { return rows(hidden, u, inner, order, all); }
  // Where block u's columns of a range begin in packed weights: the blocks of one range come before those of the next.
  long column(long u, GateRange range, long hidden) const {
    return (count(hidden) * range.first + u * range.count) * units;
  }
};

// f(a vector's first row in the matrix, how many of its units there are, its column in the panel)
template <class T, class F>
KEEPGATE_INLINE void each_vector(const GateRows& m, F f) {
  for (int g = 0; g < m.gates; g++)
    for (long j = 0; j < m.units; j += Vec<T>::lanes) {
      const long real = m.hidden - m.first - j;
      f(m.order[g] * m.hidden + m.first + j, real > 0 ? real : 0, g * m.units + j);
    }
}

// f(tile, k, column in the panel): squares of a matrix, transposed, so that tile[i] is a vector of units at k + i.
template <class T, class F>
KEEPGATE_INLINE void each_tile(const GateRows& m, const void* matrix, F f) {
  constexpr long lanes = Vec<T>::lanes, ahead = 128 / long(sizeof(T));
  each_vector<T>(m, [&](long row, long real, long column) __attribute__((always_inline)) {
    for (long k = 0; k < m.inner; k += lanes) {
      const T* const from = as<T>(matrix) + row * m.inner + k;
      // So many short rows are too many for the processor to foresee. At their end those of the next vector follow.
      const T* const next = from + ahead + (k + ahead < m.inner ? 0 : (lanes - 1) * m.inner);
#pragma GCC unroll 16
      for (long i = 0; i < lanes; i++) __builtin_prefetch(next + i * m.inner);
      Vec<T> tile[lanes];
      load_transposed(from, m.inner, real, m.inner - k, tile);
      f(tile, k, column);
    }
  });
}

template <class W = Whole, class T>
void pack_panel(const GateRows& m, const void* matrix, T* panel) {
  const long width = m.gates * m.units;
  each_tile<T>(m, matrix, [&](const auto& tile, long k, long column) __attribute__((always_inline)) {
    for (long i = 0; i < Vec<T>::lanes && k + i < m.inner; i += W::group)
      W::pack(tile + i).store(panel + (k + i) / W::group * width + column);
  });
  const long written = (m.inner + W::group - 1) / W::group;
  std::memset(panel + written * width, 0, size_t((groups<W>(m.inner) - written) * width) * sizeof(T));
}

template <class T>
void unpack_panel(const GateRows& m, const T* panel, void* matrix) {
  const long width = m.gates * m.units;
  each_vector<T>(m, [&](long row, long real, long column) {
    for (long k = 0; k < m.inner; k += Vec<T>::lanes) {
      Vec<T> tile[Vec<T>::lanes];
      load_transposed(panel + k * width + column, width, m.inner - k, Vec<T>::lanes, tile);
      for (long j = 0; j < Vec<T>::lanes && j < real; j++)
        tile[j].store(as<T>(matrix) + (row + j) * m.inner + k, m.inner - k);
    }
  });
}

// Adds the product of `count` rows with the panel that pack_panel would make to `sum`, with the bits of multiply().
template <class T>
void multiply_unpacked(const T* const* a, long count, const GateRows& m, const void* matrix, T* sum, long sum_row) {
  each_tile<T>(m, matrix, [&](const auto& tile, long k, long column) __attribute__((always_inline)) {
    for (long r = 0; r < count; r++) {
      const T* const number = a[r] + k;
      T* const to = sum + r * sum_row + column;
      Vec<T> all = Vec<T>::load(to);
      if (m.inner - k >= Vec<T>::lanes)
#pragma GCC unroll 16
        for (long i = 0; i < Vec<T>::lanes; i++) add_product(all, Vec<T>(number[i]), tile[i]);
      else
        for (long i = 0; i < m.inner - k; i++) add_product(all, Vec<T>(number[i]), tile[i]);
      all.store(to);
    }
  });
}
constexpr int alone[] = {0};  // the gate order of a matrix without gates

// Offsets of the parts of the packed weights, in elements.
template <class T, class W = Whole>
struct Packed {
  long hh, bias, vectors, hr, scale_ih, scale_hh, scale_hr, total;  // the input weights come first, at 0

  // products: whether the weights of the products are among them.
  Packed(const Block<T>& block, const Sizes& s, bool products = true) {
    const long blocks = block.count(s.hidden), width = products ? blocks * block.gate_width : 0;
    const long scaled = W::scaled ? width : 0;
    hh = width * groups<W>(s.input);
    bias = hh + width * groups<W>(block.hh_length(s));
    vectors = bias + blocks * block.width;
    hr = vectors + blocks * block.units * block.cell.vectors;
    scale_ih = hr + padded_width<T>(s.projected) * groups<W>(s.hidden);
    scale_hh = scale_ih + scaled, scale_hr = scale_hh + scaled;
    total = scale_hr + (W::scaled ? padded_width<T>(s.projected) : 0);
  }
};

// Packs one member's share of the blocks.
template <class W, class T>
void pack_part(const Block<T>& block, const Sizes& s, const Weights& w, T* to, int member, int members,
               bool products = true) {
  const CellProgram& cell = block.cell;
  const Packed<T, W> at(block, s, products);
  const long blocks = block.count(s.hidden), hh_length = block.hh_length(s), units = block.units;
  using V = Vec<T>;
  const auto put = [](const void* from, long start, const GateRows& rows, T* to) {
    each_vector<T>(
        rows, [&](long row, long real, long column) { V::load(as<T>(from) + start + row, real).store(to + column); });
  };
  for (long u = blocks * member / members; u < blocks * (member + 1) / members; u++) {
    const auto pack = [&](const void* matrix, long inner, const int* order, GateRange gates, long panels, long scales) {
      const auto rows = [&](long inner) { return block.rows(s.hidden, u, inner, order, gates); };
      const long column = block.column(u, gates, s.hidden);
      pack_panel<W>(rows(inner), matrix, to + panels + column * groups<W>(inner));
      if (W::scaled) put(matrix, block.gates * s.hidden * inner, rows(1), to + scales + column);
    };
    if (products) pack(w.weight_ih, s.input, cell.wx_gates, block.all, 0, at.scale_ih);
    for (const GateRange& gates : {block.plain, block.inside})
      if (products && cell.dense) pack(w.weight_hh, hh_length, cell.uh_gates, gates, at.hh, at.scale_hh);
    for (int n = 0; n < cell.vectors; n++)
      put(w.vectors[n], 0, {1, s.hidden, alone, 1, u * units, units}, to + at.vectors + (n * blocks + u) * units);
    // Column order: wx of the split gates, the fused sums, uh of the split gates.
    T* const bias = to + at.bias + u * block.width;
    std::memset(bias, 0, size_t(block.width) * sizeof(T));
    const auto add = [&](const void* from, const int* order, T* to) {
      if (from)
        each_vector<T>(block.rows(s.hidden, u, 1, order), [&](long row, long real, long column) {
          (V::load(to + column) + V::load(as<T>(from) + row, real)).store(to + column);
        });
    };
    add(w.bias_ih, cell.wx_gates, bias);
    if (cell.bias_hh) add(w.bias_hh, cell.uh_gates, bias + block.split * units);
  }
  for (long first = 0; member == 0 && first < s.projected; first += padded_width<T>(1))
    pack_panel<W>({s.hidden, s.projected, alone, 1, first, padded_width<T>(1)}, w.weight_hr,
                  to + at.hr + first * groups<W>(s.hidden));
  if (W::scaled && member == 0 && s.projected)
    put(w.weight_hr, s.projected * s.hidden, {1, s.projected, alone, 1, 0, padded_width<T>(s.projected)},
        to + at.scale_hr);
}

}  // namespace keepgate::KEEPGATE_SET
