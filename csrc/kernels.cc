// Every compiled cell's kernels, and those of programs; compiled once for each instruction set, whose name is
// KEEPGATE_SET.
#include "backward.h"
#include "random.h"

namespace keepgate::KEEPGATE_SET {

#include "cells/all.h"

namespace {

template <class Cell, class T, class W = Whole>
constexpr Kernel kernel_of(const char* name) {
  using M = Member<Cell, T>;
  Kernel kernel = {
      name,
      [](const CellProgram* p, const Sizes& s) {
        return size_t(Packed<Cell, T, W>(Block<Cell, T>(as_cell<Cell>(p)), s).total) * sizeof(T);
      },
      [](const Forward& f, void* scratch) { return M::template run<ForwardMember<Cell, T, W>>(f, f, scratch); },
      nullptr};
  if constexpr (W::group == 1)
    kernel.backward = [](const Backward& b, void* scratch) {
      return M::template run<BackwardMember<Cell, T>>(b, b.forward, scratch);
    };
  return kernel;
}

#define KEEPGATE_KERNELS(Cell, name)                                                                    \
  {kernel_of<Cell, float>(name), kernel_of<Cell, double>(name), kernel_of<Cell, float, BFloat16>(name), \
   kernel_of<Cell, float, Int8>(name)}
#define KEEPGATE_COMPILED(Cell) KEEPGATE_KERNELS(Cell, Cell::name),
constexpr Kernel kernels[][types] = {KEEPGATE_CELLS(KEEPGATE_COMPILED) KEEPGATE_KERNELS(CellProgram, "program")};

#define KEEPGATE_TEXT(name) #name
#define KEEPGATE_NAME(name) KEEPGATE_TEXT(name)

}  // namespace

extern const KernelSet table;
const KernelSet table = {
    KEEPGATE_NAME(KEEPGATE_SET), int(sizeof kernels / sizeof kernels[0]) - 1, kernels,
    [](const Mask& m) { m.type == Type::float32 ? random_mask<float>(m) : random_mask<double>(m); }};

}  // namespace keepgate::KEEPGATE_SET
