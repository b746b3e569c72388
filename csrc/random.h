// Random masks, each number a function of the seed and its own place alone: a counter-based generator, Philox4x32-10 of
// Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011).
#pragma once
#include "core.h"
#include "vec.h"

namespace keepgate::KEEPGATE_SET {

// 32-bit words, each in the lower half of 64 bits, whose upper half is of no account.
using Words = uint64_t __attribute__((vector_size(register_bytes)));
using NarrowWords = uint32_t __attribute__((vector_size(register_bytes / 2)));
constexpr int counters_at_once = register_bytes / 8;

KEEPGATE_INLINE Words product(Words words, uint32_t factor) {
#if defined(__x86_64__)
  using Native = long long __attribute__((vector_size(register_bytes)));
  return (Words)KEEPGATE_X86(mul_epu32)((Native)words, (Native)(Words{} + factor));
#else
  return (words & 0xffffffff) * factor;
#endif
}

constexpr int interleaved = 2;  // vectors of counters, so that none waits for the product of its own round before

// Replaces each counter, words c[n][0] to c[n][3], by its four random words.
KEEPGATE_INLINE void philox(Words (&c)[interleaved][4], uint64_t seed) {
  uint32_t key_0 = uint32_t(seed), key_1 = uint32_t(seed >> 32);
  for (int round = 0; round < 10; round++, key_0 += 0x9e3779b9, key_1 += 0xbb67ae85)
    for (auto& word : c) {
      const Words first = product(word[0], 0xd2511f53), third = product(word[2], 0xcd9e8d57);
      word[0] = (third >> 32) ^ word[1] ^ key_0, word[1] = third;
      word[2] = (first >> 32) ^ word[3] ^ key_1, word[3] = first;
    }
}

// Rows [from, to) of all steps' rows, one step's after the other's. Of each 64 units of a row, numbers 16 w + i have
// word w of the i-th counter of these 16: {their number in the row, row, step, stream}.
template <class T>
void random_mask(const Mask& m, long from, long to) {
  constexpr long counters = 16;
  const T low = T(m.threshold ? m.below : m.otherwise), high = T(m.otherwise);
  const uint32_t last_below = uint32_t(m.threshold - 1);
  Words numbers;
  for (int i = 0; i < counters_at_once; i++) numbers[i] = uint64_t(i);
  for (; from < to; from++) {
    const long step = from / m.rows, row = from % m.rows;
    T* const units = static_cast<T*>(m.to.data) + step * m.to.step + row * m.to.row;
    for (long first = 0; first < m.units; first += 4 * counters) {
      uint32_t word[4 * counters];
      for (long i = 0; i < counters;) {
        Words c[interleaved][4];
        for (int n = 0; n < interleaved; n++) {
          c[n][0] = numbers + uint64_t(first / 4 + i + n * counters_at_once);
          c[n][1] = Words{} + uint64_t(m.first_row + row), c[n][2] = Words{} + uint64_t(step);
          c[n][3] = Words{} + m.stream;
        }
        philox(c, m.seed);
        for (int n = 0; n < interleaved; n++, i += counters_at_once)
          for (int w = 0; w < 4; w++) {
            const auto narrow = __builtin_convertvector(c[n][w], NarrowWords);
            std::memcpy(word + w * counters + i, &narrow, sizeof narrow);
          }
      }
      const auto write = [&](long count) {
        for (long i = 0; i < count; i++) units[first + i] = word[i] <= last_below ? low : high;
      };
      m.units - first < 4 * counters ? write(m.units - first) : write(4 * counters);
    }
  }
}

}  // namespace keepgate::KEEPGATE_SET
