// The kernels, for any cell, and the compiled cells; compiled once for each instruction set, whose name is
// KEEPGATE_SET.
#include "backward.h"
#include "compiled.h"
#include "random.h"

namespace keepgate::KEEPGATE_SET {

#include "cells/all.h"

namespace {

template <class T, class W = Whole>
constexpr Kernel kernel_of() {
  Kernel kernel = {
      [](const CellProgram& cell, const Sizes& s) { return size_t(Packed<T, W>(Block<T>(cell), s).total) * sizeof(T); },
      [](const Forward& f, void* scratch) { return Member<T>::template run<ForwardMember<T, W>>(f, f, scratch); },
      nullptr};
  if constexpr (W::group == 1)
    kernel.backward = [](const Backward& b, void* scratch) {
      return Member<T>::template run<BackwardMember<T>>(b, b.forward, scratch);
    };
  return kernel;
}

#define KEEPGATE_COMPILED(Cell) compiled_cell<Cell>(),
constexpr CellProgram cells[] = {KEEPGATE_CELLS(KEEPGATE_COMPILED) KEEPGATE_ROW_CELLS(KEEPGATE_COMPILED)};

#define KEEPGATE_TEXT(name) #name
#define KEEPGATE_NAME(name) KEEPGATE_TEXT(name)

}  // namespace

extern const KernelSet table;
constinit const KernelSet table = {
    KEEPGATE_NAME(KEEPGATE_SET),
    cells,
    int(sizeof cells / sizeof cells[0]),
    {kernel_of<float>(), kernel_of<double>(), kernel_of<float, BFloat16>(), kernel_of<float, Int8>()},
    [](const Mask& m, long from, long to) {
      m.type == Type::float32 ? random_mask<float>(m, from, to) : random_mask<double>(m, from, to);
    }};

}  // namespace keepgate::KEEPGATE_SET
