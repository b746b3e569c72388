// Random masks, each number a function of the seed and its own place alone: a counter-based generator, Philox4x32-10 of
// Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011).
#pragma once
#include <cstdint>

#include "core.h"

namespace keepgate::KEEPGATE_SET {

constexpr int counters = 16;  // computed side by side

// Replaces each counter, c[0][i] to c[3][i], by its four random words.
inline void philox(uint32_t (&c)[4][counters], uint32_t key_0, uint32_t key_1) {
  for (int round = 0; round < 10; round++, key_0 += 0x9e3779b9, key_1 += 0xbb67ae85)
    for (int i = 0; i < counters; i++) {
      const uint64_t a = uint64_t(0xd2511f53) * c[0][i], b = uint64_t(0xcd9e8d57) * c[2][i];
      c[0][i] = uint32_t(b >> 32) ^ c[1][i] ^ key_0, c[1][i] = uint32_t(b);
      c[2][i] = uint32_t(a >> 32) ^ c[3][i] ^ key_1, c[3][i] = uint32_t(a);
    }
}

// Unit u of a row and step has word u % 4 of the counter {u / 4, row, step, stream}.
template <class T>
void random_mask(const Mask& m) {
  const T low = T(m.below), high = T(m.otherwise);
  for (long step = 0; step < m.steps; step++)
    for (long row = 0; row < m.rows; row++) {
      T* const to = static_cast<T*>(m.to.data) + step * m.to.step + row * m.to.row;
      for (long first = 0; first < m.units; first += 4 * counters) {
        uint32_t c[4][counters];
        for (int i = 0; i < counters; i++) {
          c[0][i] = uint32_t(first / 4 + i);
          c[1][i] = uint32_t(row), c[2][i] = uint32_t(step), c[3][i] = m.stream;
        }
        philox(c, uint32_t(m.seed), uint32_t(m.seed >> 32));
        T values[4 * counters];
        for (int i = 0; i < counters; i++)
          for (int word = 0; word < 4; word++) values[4 * i + word] = c[word][i] < m.threshold ? low : high;
        const long left = m.units - first < 4 * counters ? m.units - first : 4 * counters;
        for (long i = 0; i < left; i++) to[first + i] = values[i];
      }
    }
}

}  // namespace keepgate::KEEPGATE_SET
