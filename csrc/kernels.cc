// Every compiled cell's kernels, and those of programs; compiled once for each instruction set, whose name is
// KEEPGATE_SET.
#include "backward.h"
#include "random.h"

namespace keepgate::KEEPGATE_SET {

#include "cells/all.h"

namespace {

template <class Cell, class T>
constexpr Kernel kernel_of(const char* name) {
  using M = Member<Cell, T>;
  return {
      name,
      [](const CellProgram* p, const Sizes& s) {
        return size_t(Packed<Cell, T>(Block<Cell, T>(as_cell<Cell>(p)), s).total) * sizeof(T);
      },
      [](const Forward& f, void* scratch) { return M::template run<ForwardMember<Cell, T>>(f, f, scratch); },
      [](const Backward& b, void* scratch) { return M::template run<BackwardMember<Cell, T>>(b, b.forward, scratch); }};
}

#define KEEPGATE_BOTH(Cell) {kernel_of<Cell, float>(Cell::name), kernel_of<Cell, double>(Cell::name)},
constexpr Kernel kernels[][2] = {
    KEEPGATE_CELLS(KEEPGATE_BOTH){kernel_of<CellProgram, float>("program"), kernel_of<CellProgram, double>("program")}};

#define KEEPGATE_TEXT(name) #name
#define KEEPGATE_NAME(name) KEEPGATE_TEXT(name)

}  // namespace

extern const KernelSet table;
const KernelSet table = {
    KEEPGATE_NAME(KEEPGATE_SET), int(sizeof kernels / sizeof kernels[0]) - 1, kernels,
    [](const Mask& m) { m.type == Type::float32 ? random_mask<float>(m) : random_mask<double>(m); }};

}  // namespace keepgate::KEEPGATE_SET
