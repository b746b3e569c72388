// The kernels of both types of numbers; compiled once for each instruction set, whose name is KEEPGATE_SET.
#include "backward.h"

namespace keepgate::KEEPGATE_SET {
namespace {

template <class T>
size_t packed_bytes(const Cell& cell, const Sizes& s) {
  return size_t(Packed<T>(Block<T>(cell), s).total) * sizeof(T);
}

template <class T>
void pack(const Cell& cell, const Sizes& s, const Weights& w, void* packed, int threads) {
  const Block<T> block(cell);
  auto work = [&](Team& team, int member) { pack_part(block, s, w, of<T>(packed), member, team.size); };
  const long numbers = Packed<T>(block, s).total;
  together(numbers < 50000 ? 1 : threads, numbers / 20, work);
}

template <class T>
size_t forward(const Forward& f, void* scratch) {
  return Member<T>::template run<ForwardMember<T>>(f, f, scratch);
}

template <class T>
size_t backward(const Backward& b, void* scratch) {
  return Member<T>::template run<BackwardMember<T>>(b, b.forward, scratch);
}

template <class T>
constexpr Kernel kernel_of() {
  return {packed_bytes<T>, pack<T>, forward<T>, backward<T>};
}

#define KEEPGATE_TEXT(name) #name
#define KEEPGATE_NAME(name) KEEPGATE_TEXT(name)

}  // namespace

extern const KernelSet table;
const KernelSet table = {KEEPGATE_NAME(KEEPGATE_SET), {kernel_of<float>(), kernel_of<double>()}};

}  // namespace keepgate::KEEPGATE_SET
