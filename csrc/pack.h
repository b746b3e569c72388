// The weights, packed once: for each block of units the panels that the products read from end to end.
#pragma once
#include "core.h"
#include "gemm.h"

namespace keepgate::KEEPGATE_SET {

constexpr int panel_vectors = 4;  // of a panel whose columns are no gates

constexpr long up(long n, long to) { return (n + to - 1) / to * to; }

// A cell's columns in registers: a block is a few vectors of units with all their gates, wide enough to fill a tile.
template <class Cell, class T>
struct Block {
  using V = Vec<T>;
  static constexpr int gates = Cell::gates, apart = Cell::apart, columns = gates + apart;
  static constexpr int vectors = panel_vectors / gates > 1 ? panel_vectors / gates : 1;  // of units
  static constexpr long units = vectors * V::lanes, width = columns * units;
  static_assert(gates * vectors <= max_vectors_of_panel, "a cell has at most 8 gates");

  static long count(long hidden) { return (hidden + units - 1) / units; }
  // Vectors in block u: the last may hold fewer.
  static int held(long u, long hidden) {
    const long left = (hidden - u * units + V::lanes - 1) / V::lanes;
    return left < vectors ? int(left) : vectors;
  }
};

// Rows inside the core are wide enough for the last block, or panel, to be full.
template <class Cell, class T>
long padded_units(long hidden) {
  const long whole = Block<Cell, T>::count(hidden) * Block<Cell, T>::units, plane = up(hidden, 64 / long(sizeof(T)));
  return whole > plane ? whole : plane;
}
template <class T>
long padded_columns(long columns) {
  return up(columns, panel_vectors * Vec<T>::lanes);
}

// Calls f with the number as a constant: f(std::integral_constant<int, n>).
template <int most, class F>
KEEPGATE_INLINE void with_constant(int n, F f) {
  if constexpr (most > 1)
    if (n < most) return with_constant<most - 1>(n, f);
  f(std::integral_constant<int, most>{});
}

// Where each part of the packed weights begins, in numbers.
template <class Cell, class T>
struct Packed {
  using B = Block<Cell, T>;
  long ih, hh, bias, vectors, hr, total;

  explicit Packed(const Sizes& s) {
    const long blocks = B::count(s.hidden), units = blocks * B::units;
    const long output = s.projected ? s.projected : s.hidden;
    const long recurrent = Cell::recurrence == Recurrence::dense      ? output
                           : Cell::recurrence == Recurrence::diagonal ? 1
                                                                      : 0;
    ih = 0;
    hh = ih + units * B::gates * s.input;
    bias = hh + units * B::gates * recurrent;
    vectors = bias + blocks * B::width;
    hr = vectors + units * Cell::vectors;
    total = hr + (s.projected ? up(s.projected, panel_vectors * B::V::lanes) * s.hidden : 0);
  }
};

// Rows of a matrix [gates · hidden, inner] → [inner][gates][units of block u], gates in the given order.
template <class Cell, class T>
void pack_block(const T* from, long inner, long hidden, const int* order, long u, int vectors, T* to) {
  const long units = vectors * Vec<T>::lanes, width = Cell::gates * units, first = u * Block<Cell, T>::units;
  const long real = hidden - first < units ? hidden - first : units;
  constexpr long stretch = 16;  // of the inner index: a stretch of all rows stays in the fastest cache
  for (long k0 = 0; k0 < inner; k0 += stretch) {
    const long end = k0 + stretch < inner ? k0 + stretch : inner;
    for (int g = 0; g < Cell::gates; g++) {
      const T* const rows = from + (order[g] * hidden + first) * inner;
      for (long k = k0; k < end; k++) {
        T* const out = to + k * width + g * units;
        for (long j = 0; j < real; j++) out[j] = rows[j * inner + k];
        for (long j = real; j < units; j++) out[j] = 0;
      }
    }
  }
}

// The way back, for gradients; what stands there is replaced.
template <class Cell, class T>
void unpack_block(const T* from, long inner, long hidden, const int* order, long u, int vectors, T* to) {
  const long units = vectors * Vec<T>::lanes, width = Cell::gates * units, first = u * Block<Cell, T>::units;
  const long real = hidden - first < units ? hidden - first : units;
  constexpr long stretch = 16;
  for (long k0 = 0; k0 < inner; k0 += stretch) {
    const long end = k0 + stretch < inner ? k0 + stretch : inner;
    for (int g = 0; g < Cell::gates; g++) {
      T* const rows = to + (order[g] * hidden + first) * inner;
      for (long j = 0; j < real; j++)
        for (long k = k0; k < end; k++) rows[j * inner + k] = from[k * width + g * units + j];
    }
  }
}

// The biases in the order of a block's columns: those of wx apart, the sums, those of uh apart.
template <class Cell, class T>
void pack_bias(const T* ih, const T* hh, long hidden, long u, int vectors, T* to) {
  const long units = vectors * Vec<T>::lanes, first = u * Block<Cell, T>::units;
  for (int column = 0; column < Block<Cell, T>::columns; column++)
    for (long j = 0; j < units; j++) {
      T sum = 0;
      if (first + j < hidden) {
        if (ih && column < Cell::gates) sum += ih[Cell::wx_gates[column] * hidden + first + j];
        if (hh && column >= Cell::apart && Cell::recurrence != Recurrence::none)
          sum += hh[Cell::uh_gates[column - Cell::apart] * hidden + first + j];
      }
      to[column * units + j] = sum;
    }
}

// A matrix's rows as columns of panels: [rows, inner] → [panel][inner][vectors of the panel].
template <class T>
void pack_columns(const T* from, long rows, long inner, T* to) {
  constexpr long width = panel_vectors * Vec<T>::lanes;
  for (long first = 0; first < rows; first += width) {
    const long lanes = up(rows - first < width ? rows - first : width, Vec<T>::lanes);
    for (long k = 0; k < inner; k++)
      for (long j = 0; j < lanes; j++) *to++ = first + j < rows ? from[(first + j) * inner + k] : T(0);
  }
}

template <class Cell, class T>
void pack_unit_weights(const Sizes& s, const Weights& w, long u, int vectors, T* to) {
  using B = Block<Cell, T>;
  const Packed<Cell, T> at(s);
  const long units = vectors * Vec<T>::lanes;
  for (int n = 0; n < Cell::vectors; n++)
    for (long j = 0; j < units; j++)
      to[at.vectors + n * B::count(s.hidden) * B::units + u * B::units + j] =
          u * B::units + j < s.hidden ? static_cast<const T*>(w.vectors[n])[u * B::units + j] : T(0);
}

// The part of all packing that member `member` of `members` does.
template <class Cell, class T>
void pack_part(const Sizes& s, const Weights& w, T* to, int member, int members) {
  using B = Block<Cell, T>;
  const Packed<Cell, T> at(s);
  const long output = s.projected ? s.projected : s.hidden, blocks = B::count(s.hidden);
  const auto of = [](const void* p) { return static_cast<const T*>(p); };
  for (long u = blocks * member / members; u < blocks * (member + 1) / members; u++) {
    const int vectors = B::held(u, s.hidden);
    pack_block<Cell>(of(w.weight_ih), s.input, s.hidden, Cell::wx_gates, u, vectors,
                     to + at.ih + u * B::units * B::gates * s.input);
    if constexpr (Cell::recurrence != Recurrence::none) {
      const long inner = Cell::recurrence == Recurrence::dense ? output : 1;
      pack_block<Cell>(of(w.weight_hh), inner, s.hidden, Cell::uh_gates, u, vectors,
                       to + at.hh + u * B::units * B::gates * inner);
    }
    pack_bias<Cell>(of(w.bias_ih), of(w.bias_hh), s.hidden, u, vectors, to + at.bias + u * B::width);
    pack_unit_weights<Cell>(s, w, u, vectors, to);
  }
  if (s.projected && member == 0) pack_columns(of(w.weight_hr), s.projected, s.hidden, to + at.hr);
}

}  // namespace keepgate::KEEPGATE_SET
