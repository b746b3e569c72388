// A cell's step for tiles of rows and units: a program's registers, bound to where the numbers lie.
#pragma once
#include "interpreter.h"

namespace keepgate::KEEPGATE_SET {

// Cuts scratch memory given by the caller into arrays of whole cache lines. With no memory it only counts.
class Memory {
 public:
  explicit Memory(void* start) : start(static_cast<char*>(start)) {}
  template <class T>
  void take(T*& array, long count) {
    array = reinterpret_cast<T*>(start + used);
    used += (size_t(count) * sizeof(T) + 63) / 64 * 64;
  }
  size_t used = 0;

 private:
  char* start;
};

template <class Cell, class T>
class StepRunner;
template <class T>
class StepRunner<CellProgram, T> {
  static constexpr long lanes = Vec<T>::lanes;
  static constexpr long near = 12 << 10;  // bytes of temporaries that stay in the fastest cache beside what they meet

  // A row whose last vector would reach beyond its array, copied to where there is room.
  struct Copied {
    int reg;
    T* at;
    long row;
    bool written;
  };

  const Program& program;
  const bool partial;
  Operand<T>* registers;
  T *constants, *temporaries, *copies;  // [constants][lanes], [temporaries][room], [bound][room]
  Copied copied[2 * max_states + max_vectors + 2];
  int copied_count = 0;

  static long room_for(const Program& program) {
    const long fit = near / (program.temporaries + 1) / register_bytes;
    return (fit < 8 ? 8 : fit > 64 ? 64 : fit) * lanes;
  }

 public:
  const long room;  // numbers of a tile
  const long vectors, rows;  // of a tile, at most

  // most: vectors of units that lie at equal distances.
  StepRunner(const CellProgram& cell, Program CellProgram::* which, long hidden, long most, long batch, Memory& memory,
             long member, long members)
      : program(cell.*which),
        partial(hidden % lanes != 0),
        room(room_for(program)),
        vectors(most < room / lanes ? most : room / lanes),
        rows(room / lanes / vectors < batch ? room / lanes / vectors : batch) {
    const auto take = [&](auto*& array, long count) {
      memory.take(array, members * count);
      array += member * count;
    };
    take(registers, program.registers());
    take(constants, program.constants * lanes);
    take(temporaries, program.temporaries * room);
    take(copies, partial ? program.bound * room : 0);
  }

  // Fills what no tile changes. Not in the constructor, which may only be counting memory.
  void prepare() {
    for (int i = 0; i < program.constants; i++) {
      T* const at = constants + i * lanes;
      Vec<T>(T(program.constant[i])).store(at);
      registers[program.bound + i] = {at, {0, 0}};
    }
    for (int i = 0; i < program.temporaries; i++)
      registers[program.bound + program.constants + i] = {temporaries + i * room, {vectors * lanes, lanes}};
  }

  bool reads(int reg) const { return program.reads[reg]; }

  // Rows of whole vectors.
  void bind(int reg, const T* at, long row, long vector) { registers[reg] = {const_cast<T*>(at), {row, vector}}; }
  // Rows of units side by side, which may end within a vector.
  void bind_units(int reg, const T* at, long row, bool written) {
    bind(reg, at, row, lanes);
    if (!partial || (!written && !reads(reg))) return;
    copied[copied_count++] = {reg, const_cast<T*>(at), row, written};
    bind(reg, copies + reg * room, vectors * lanes, lanes);
  }
  // Rows that nobody asked for.
  void bind_nothing(int reg, T* at) { bind(reg, at, vectors * lanes, lanes); }

  // Runs the program on what is bound, `units` of each row.
  void run(long rows, long vectors, long units) {
    for (int i = 0; i < copied_count; i++)
      for (long row = 0; row < rows && !copied[i].written; row++) {
        T* const to = registers[copied[i].reg].at + row * this->vectors * lanes;
        Vec<T>(T(0)).store(to + (vectors - 1) * lanes);
        std::memcpy(to, copied[i].at + row * copied[i].row, size_t(units) * sizeof(T));
      }
    interpret(program, registers, Rectangle(rows, vectors));
    for (int i = 0; i < copied_count; i++)
      for (long row = 0; row < rows && copied[i].written; row++)
        std::memcpy(copied[i].at + row * copied[i].row, registers[copied[i].reg].at + row * this->vectors * lanes,
                    size_t(units) * sizeof(T));
    copied_count = 0;
  }

  // What a register bound by `bind_nothing` holds, written past the caches.
  void stream_rows(const T* from, T* to, long row, long rows, long vectors) const {
    for (long r = 0; r < rows; r++)
      for (long v = 0; v < vectors; v++)
        store_nontemporal(Vec<T>::load(from + (r * this->vectors + v) * lanes), to + r * row + v * lanes);
  }
};

// A compiled step needs none.
template <class Cell, class T>
class StepRunner {
 public:
  static constexpr long room = 0;
  StepRunner(const Cell&, Program CellProgram::*, long, long, long, Memory&, long, long) {}
  static void prepare() {}
};

}  // namespace keepgate::KEEPGATE_SET
