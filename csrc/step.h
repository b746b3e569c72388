// Runs a cell's program on tiles of rows and units: its registers are bound to the arrays' addresses and strides.
#pragma once
#include "interpreter.h"

namespace keepgate::KEEPGATE_SET {

// Bump allocator: cuts the caller's scratch memory into arrays of whole cache lines. Given null it only counts bytes.
class Arena {
 public:
  explicit Arena(void* start) : start(static_cast<char*>(start)) {}
  template <class T>
  void allocate(T*& array, long count) {
    array = reinterpret_cast<T*>(start + used);
    used += (size_t(count) * sizeof(T) + 63) / 64 * 64;
  }
  size_t used = 0;

 private:
  char* start;
};

template <class T>
class StepRunner {
  static constexpr long lanes = Vec<T>::lanes;
  static constexpr long l1_bytes = 12 << 10;  // of temporaries, so that they stay in L1 beside the arrays they meet

  // Rows whose last vector would reach beyond their array: the program works on a copy in `staging`.
  struct Staged {
    int reg;
    T* data;
    long row_stride;
    bool written;
  };

  const Program& program;
  const CompiledProgram<T> compiled;
  const bool partial;
  Operand<T>* registers;
  T *constants, *temporaries,
      *row_temporaries;  // [constants][lanes], [temporaries][tile_elements], [][row_limit][lanes]
  T* staging;  // [bound][tile_elements]
  Staged staged[2 * max_states + max_vectors + 2 * max_unit_inputs + 2];
  int staged_count = 0;

  static CompiledProgram<T> compiled_program(const Program& program) {
    if constexpr (sizeof(T) == 4)
      return program.compiled_float;
    else
      return program.compiled_double;
  }
  static long tile_elements_for(const Program& program, long hidden) {
    const long fit = l1_bytes / (program.temporaries + 1) / register_bytes, row = (hidden + lanes - 1) / lanes;
    const long vectors = fit < 8 ? 8 : fit > 64 ? 64 : fit;
    return (program.whole_rows && vectors < row ? row : vectors) * lanes;
  }

 public:
  const long tile_elements;
  const long vector_limit, row_limit;  // of a tile

  // pass: one of the cell's programs. spaced_vectors: how many vectors of a row are equally spaced in every array.
  StepRunner(const CellProgram& cell, Program CellProgram::* pass, long hidden, long spaced_vectors, long batch,
             Arena& arena, long member, long members)
      : program(cell.*pass),
        compiled(compiled_program(program)),
        partial(!compiled && hidden % lanes != 0),
        tile_elements(tile_elements_for(program, hidden)),
        vector_limit(spaced_vectors < tile_elements / lanes ? spaced_vectors : tile_elements / lanes),
        row_limit(tile_elements / lanes / vector_limit < batch ? tile_elements / lanes / vector_limit : batch) {
    const auto allocate = [&](auto*& array, long count) {
      arena.allocate(array, members * count);
      array += member * count;
    };
    allocate(registers, program.registers());
    allocate(constants, program.constants * lanes);
    allocate(temporaries, program.temporaries * temporary_stride());
    allocate(row_temporaries, program.row_temporaries * row_limit * lanes);
    allocate(staging, partial ? program.bound * tile_elements : 0);
  }

  // Binds constants and temporaries, which no tile rebinds. Not in the constructor, which may only count bytes.
  void prepare() {
    for (int i = 0; i < program.constants; i++) {
      T* const data = constants + i * lanes;
      Vec<T>(T(program.constant[i])).store(data);
      registers[program.bound + i] = {data, {0, 0}};
    }
    for (int i = 0; i < program.temporaries; i++)
      bind(program.bound + program.constants + i, temporaries + i * temporary_stride(), vector_limit * lanes, lanes);
    for (int i = 0; i < program.row_temporaries; i++)
      bind(program.first_row_temporary() + i, row_temporaries + i * row_limit * lanes, lanes, 0);
  }

  // One vector more than a temporary has, so that few of them are a multiple of 4 KiB apart, which slows a load down.
  long temporary_stride() const { return tile_elements + lanes; }

  bool reads(int reg) const { return program.reads[reg]; }

  // Rows of whole vectors. row, vector: strides in elements.
  void bind(int reg, const T* data, long row, long vector) { registers[reg] = {const_cast<T*>(data), {row, vector}}; }
  // Rows of contiguous units, which may end within a vector.
  void bind_units(int reg, const T* data, long row_stride, bool written) {
    bind(reg, data, row_stride, lanes);
    if (!partial || (!written && !reads(reg))) return;
    staged[staged_count++] = {reg, const_cast<T*>(data), row_stride, written};
    bind(reg, staging + reg * tile_elements, vector_limit * lanes, lanes);
  }
  // A tile's own buffer, for `stream_rows`.
  void bind_scratch(int reg, T* data) { bind(reg, data, vector_limit * lanes, lanes); }

  // Whether the program streams what is saved itself, and adds the gradients of weights per unit to those there.
  bool is_compiled() const { return compiled; }

  // Runs the program on the bound arrays; each row has `units` units. nontemporal: what is saved bypasses the caches.
  void run(long rows, long vectors, long units, bool nontemporal = false) {
    if (compiled) return compiled(registers, rows, units, nontemporal);
    for (int i = 0; i < staged_count; i++)
      for (long row = 0; row < rows && !staged[i].written; row++) {
        T* const to = registers[staged[i].reg].data + row * vector_limit * lanes;
        Vec<T>(T(0)).store(to + (vectors - 1) * lanes);
        std::memcpy(to, staged[i].data + row * staged[i].row_stride, size_t(units) * sizeof(T));
      }
    interpret(program, registers, Rectangle(rows, vectors), units);
    for (int i = 0; i < staged_count; i++)
      for (long row = 0; row < rows && staged[i].written; row++)
        std::memcpy(staged[i].data + row * staged[i].row_stride,
                    registers[staged[i].reg].data + row * vector_limit * lanes, size_t(units) * sizeof(T));
    staged_count = 0;
  }

  // Non-temporal stores of a tile bound by `bind_scratch` to rows `row_stride` apart.
  void stream_rows(const T* from, T* to, long row_stride, long rows, long vectors) const {
    for (long r = 0; r < rows; r++)
      for (long v = 0; v < vectors; v++)
        store_nontemporal(Vec<T>::load(from + (r * vector_limit + v) * lanes), to + r * row_stride + v * lanes);
  }
};

}  // namespace keepgate::KEEPGATE_SET
