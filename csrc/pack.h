// Weight packing: for each block of units the panels that the microkernel reads contiguously.
#pragma once
#include "core.h"
#include "gemm.h"

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

template <class Cell>
constexpr bool is_program = false;
template <>
constexpr bool is_program<CellProgram> = true;

// A compiled cell has no data; a program is handed over.
template <class Cell>
const Cell& as_cell(const CellProgram* program) {
  if constexpr (is_program<Cell>) {
    return *program;
  } else {
    static constexpr Cell compiled{};
    return compiled;
  }
}

// A block: a few vectors of units with all their gates' columns, wide enough to fill a tile's registers.
constexpr int vectors_of_units(int gates) { return gates == 1 ? 4 : gates == 2 ? 2 : 1; }
template <class Cell, class T>
struct BlockShape {
  static constexpr int gates = Cell::gates, split = Cell::split, columns = gates + split;
  static constexpr int vectors = vectors_of_units(gates);  // of units
  static constexpr long units = vectors * Vec<T>::lanes, width = columns * units, gate_width = gates * units;

  explicit BlockShape(const Cell&) {}
};
template <class T>
struct BlockShape<CellProgram, T> {
  const int gates, split, columns = gates + split, vectors;  // whole rows are tiles of many blocks of one vector
  const long units = vectors * Vec<T>::lanes, width = columns * units, gate_width = gates * units;

  explicit BlockShape(const CellProgram& cell)
      : gates(cell.gates), split(cell.split), vectors(cell.whole_rows() ? 1 : vectors_of_units(gates)) {}
};
template <class Cell, class T>
struct Block : BlockShape<Cell, T> {
  static_assert(max_gates <= max_panel, "a block of one vector has all gates in a panel");
  const Cell& cell;

  explicit Block(const Cell& cell) : BlockShape<Cell, T>(cell), cell(cell) {}
  // What only a program may have.
  bool whole_rows() const {
    if constexpr (is_program<Cell>) return cell.whole_rows();
    return false;
  }
  int recurrent_state() const {
    if constexpr (is_program<Cell>) return cell.recurrent_state;
    return 0;
  }
  int unit_inputs() const {
    if constexpr (is_program<Cell>) return cell.unit_inputs;
    return 0;
  }
  long count(long hidden) const { return (hidden + this->units - 1) / this->units; }
  // The reduction length of the recurrent product: h_{t-1} for a dense recurrence, else 0.
  long hh_length(const Sizes& s) const { return cell.dense ? s.output() : 0; }
};

// For every weight of units [first, first + units): f(index in the [gates · hidden, inner] matrix, index in the packed
// [inner][gate, in this order][unit] panel).
template <class F>
void each_weight(long inner, long hidden, const int* order, int gates, long first, long units, F f) {
  const long real = hidden - first < units ? hidden - first : units;
  constexpr long stretch = 16;  // of the inner index: 16 columns of all rows stay in L1
  for (long k0 = 0; k0 < inner; k0 += stretch)
    for (int g = 0; g < gates; g++)
      for (long k = k0, end = k0 + stretch < inner ? k0 + stretch : inner; k < end; k++)
        for (long j = 0; j < real; j++) f((order[g] * hidden + first + j) * inner + k, (k * gates + g) * units + j);
}
constexpr int alone[] = {0};  // the gate order of a matrix without gates

// Offsets of the parts of the packed weights, in elements.
template <class Cell, class T>
struct Packed {
  long hh, bias, vectors, hr, total;  // the input weights come first, at 0

  Packed(const Block<Cell, T>& block, const Sizes& s) {
    const long blocks = block.count(s.hidden);
    hh = blocks * block.gate_width * s.input;
    bias = hh + blocks * block.gate_width * block.hh_length(s);
    vectors = bias + blocks * block.width;
    hr = vectors + blocks * block.units * block.cell.vectors;
    total = hr + padded_width<T>(s.projected) * s.hidden;
  }
};

// Packs one member's share of the blocks.
template <class Cell, class T>
void pack_part(const Block<Cell, T>& block, const Sizes& s, const Weights& w, T* to, int member, int members) {
  const Cell& cell = block.cell;
  const Packed<Cell, T> at(block, s);
  const long blocks = block.count(s.hidden), hh_length = block.hh_length(s), units = block.units;
  const auto pack = [&](const void* from, T* to, long inner, const int* order, int gates, long first) {
    if (first + units > s.hidden) std::memset(to, 0, size_t(inner * gates * units) * sizeof(T));
    if (from) each_weight(inner, s.hidden, order, gates, first, units, [&](long i, long j) { to[j] = as<T>(from)[i]; });
  };
  for (long u = blocks * member / members; u < blocks * (member + 1) / members; u++) {
    const long first = u * units;
    pack(w.weight_ih, to + u * block.gate_width * s.input, s.input, cell.wx_gates, block.gates, first);
    if (cell.dense)
      pack(w.weight_hh, to + at.hh + u * block.gate_width * hh_length, hh_length, cell.uh_gates, block.gates, first);
    for (int n = 0; n < cell.vectors; n++)
      pack(w.vectors[n], to + at.vectors + n * blocks * units + first, 1, alone, 1, first);
    // Column order: wx of the split gates, the fused sums, uh of the split gates.
    T* const bias = to + at.bias + u * block.width;
    std::memset(bias, 0, size_t(block.width) * sizeof(T));
    const auto add = [&](const void* from, const int* order, T* to) {
      if (from)
        each_weight(1, s.hidden, order, block.gates, first, units, [&](long i, long j) { to[j] += as<T>(from)[i]; });
    };
    add(w.bias_ih, cell.wx_gates, bias);
    if (cell.bias_hh) add(w.bias_hh, cell.uh_gates, bias + block.split * units);
  }
  if (!s.projected || member > 0) return;
  std::memset(to + at.hr, 0, size_t(at.total - at.hr) * sizeof(T));
  for (long first = 0; first < s.projected; first += padded_width<T>(1))
    each_weight(s.hidden, s.projected, alone, 1, first, padded_width<T>(1),
                [&](long i, long j) { to[at.hr + first * s.hidden + j] = as<T>(w.weight_hr)[i]; });
}

}  // namespace keepgate::KEEPGATE_SET
