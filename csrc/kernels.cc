// Every cell's kernels; compiled once for each instruction set, whose name is KEEPGATE_SET.
#include "backward.h"

namespace keepgate::KEEPGATE_SET {

#include "cells/all.h"

namespace {

// The functions of one cell for one type of numbers.
struct Functions {
  size_t (*packed_bytes)(const Sizes&);
  void (*pack)(const Sizes&, const Weights&, void*, int threads);
  size_t (*forward_scratch)(const Forward&);
  void (*forward)(const Forward&);
  size_t (*backward_scratch)(const Backward&);
  void (*backward)(const Backward&);
};

template <class Plan, class Problem>
size_t bytes_of(const Problem& problem) {
  Memory counted(nullptr);
  Plan(problem, counted);
  return counted.used;
}

template <class Cell, class T>
void pack(const Sizes& s, const Weights& w, void* packed, int threads) {
  auto work = [&](Team& team, int member) { pack_part<Cell>(s, w, static_cast<T*>(packed), member, team.size); };
  const long numbers = Packed<Cell, T>(s).total;
  together(numbers < 50000 ? 1 : threads, numbers / 20, work);
}

template <class Cell, class T>
constexpr Functions functions_of() {
  return {[](const Sizes& s) { return size_t(Packed<Cell, T>(s).total) * sizeof(T); },
          pack<Cell, T>,
          bytes_of<ForwardPlan<Cell, T>, Forward>,
          forward<Cell, T>,
          bytes_of<BackwardPlan<Cell, T>, Backward>,
          backward<Cell, T>};
}

#define KEEPGATE_BOTH(Cell) {functions_of<Cell, float>(), functions_of<Cell, double>()},
constexpr Functions functions[][2] = {KEEPGATE_CELLS(KEEPGATE_BOTH)};

const Functions& of(int cell, Type type) { return functions[cell][int(type)]; }

#define KEEPGATE_TEXT(name) #name
#define KEEPGATE_NAME(name) KEEPGATE_TEXT(name)

}  // namespace

extern const Kernels table;
const Kernels table = {
    KEEPGATE_NAME(KEEPGATE_SET),
    [](int cell, Type type, const Sizes& s) { return of(cell, type).packed_bytes(s); },
    [](int cell, Type type, const Sizes& s, const Weights& w, void* packed, int threads) {
      of(cell, type).pack(s, w, packed, threads);
    },
    [](const Forward& f) { return of(f.cell, f.type).forward_scratch(f); },
    [](const Forward& f) { of(f.cell, f.type).forward(f); },
    [](const Backward& b) { return of(b.forward.cell, b.forward.type).backward_scratch(b); },
    [](const Backward& b) { of(b.forward.cell, b.forward.type).backward(b); },
};

}  // namespace keepgate::KEEPGATE_SET
