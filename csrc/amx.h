// Products of the parts of a few rows with narrow weights by AMX, which multiplies tiles of 16 rows of 64 bytes.
#pragma once
#include "parts.h"

#if defined(__AVX512F__)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace keepgate::KEEPGATE_SET {

// Whether the processor has these instructions and the system lets the process use them, which is asked for once.
inline bool has_amx() {
#if defined(__linux__)
  static const bool allowed = [] {
    constexpr long request_permission = 0x1023, tile_data = 18;
    constexpr unsigned bfloat16 = 1 << 22, tile = 1 << 24, int8 = 1 << 25, all = bfloat16 | tile | int8;
    unsigned a, b, c, d = 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & all) == all &&
           syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
  }();
  return allowed;
#else
  return false;
#endif
}

constexpr long amx_rows = 16 / part_count;  // whose parts fit into a tile

// Tiles 0 to 3 hold sums, tile 4 the rows' parts, 5 to 7 weights.
struct TileShapes {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {};

  explicit TileShapes(long parts) {
    for (int tile = 0; tile < 8; tile++) rows[tile] = tile < 5 ? uint8_t(parts) : 16;
  }
};

// The shapes of this thread's tiles, which take as long to load as a small product. They are kept until a pass ends:
// the system saves tiles that are in use whenever it exchanges threads.
inline thread_local long tile_parts = 0;
inline void shape_tiles(long parts) {
  if (tile_parts == parts) return;
  tile_parts = parts;
  const TileShapes shapes(parts);
  asm volatile("ldtilecfg %0" ::"m"(shapes));
}
struct TilesInUse {
  ~TilesInUse() {
    if (tile_parts > 0) asm volatile("tilerelease");
    tile_parts = 0;
  }
};

#define KEEPGATE_TILE_LOAD(tile, from, stride) \
  asm volatile("tileloadd (%0,%1), %%tmm" #tile::"r"(from), "r"(stride) : "memory")
#define KEEPGATE_TILE_STORE(tile, to) asm volatile("tilestored %%tmm" #tile ", (%0,%1)" ::"r"(to), "r"(64L) : "memory")
#define KEEPGATE_TILE_MULTIPLY(sum, weights)                                   \
  if constexpr (W::scaled)                                                     \
    asm volatile("tdpbsud %%tmm" #weights ", %%tmm4, %%tmm" #sum::: "memory"); \
  else                                                                         \
    asm volatile("tdpbf16ps %%tmm" #weights ", %%tmm4, %%tmm" #sum::: "memory")

// part: of `count` rows of p, `row` each, one after the other. As many as fill a tile take each weight at once.
template <class W, class Parts>
__attribute__((target("amx-tile,amx-int8,amx-bf16"))) void amx_product(const Product<float>& p, int vectors,
                                                                       long panels, const Parts* parts,
                                                                       const char* part, const long* row, long count) {
  shape_tiles(part_count * (count < amx_rows ? count : amx_rows));
  const long stride = part_stride<Parts>(p.length), weights_row = vectors * 64;
  const long next_panel = vectors * VecF::lanes * groups<W>(p.length);
  alignas(64) typename Parts::Sum sum[4][amx_rows][part_count];
  Column column = {0, 0};
  for (long left = panels * vectors; left > 0; left -= 4) {
    const char* weights[4];  // of the last columns some twice
    Column columns[4];
    for (long i = 0; i < 4; i++) {
      columns[i] = column;
      weights[i] = reinterpret_cast<const char*>(p.weights + column.panel * next_panel + column.vector * VecF::lanes);
      if (i + 1 < left && ++column.vector == vectors) column = {column.panel + 1, 0};
    }
    for (long r = 0; r < count; r += amx_rows) {
      asm volatile("tilezero %tmm0\n tilezero %tmm1\n tilezero %tmm2\n tilezero %tmm3");
      const char* factors = part + r * part_count * stride;
      for (long k = 0; k < stride; k += 64) {
        const long at = k / 4 * weights_row;
        KEEPGATE_TILE_LOAD(4, factors + k, stride);
        KEEPGATE_TILE_LOAD(5, weights[0] + at, weights_row);
        KEEPGATE_TILE_MULTIPLY(0, 5);
        KEEPGATE_TILE_LOAD(6, weights[1] + at, weights_row);
        KEEPGATE_TILE_MULTIPLY(1, 6);
        KEEPGATE_TILE_LOAD(7, weights[2] + at, weights_row);
        KEEPGATE_TILE_MULTIPLY(2, 7);
        KEEPGATE_TILE_LOAD(5, weights[3] + at, weights_row);
        KEEPGATE_TILE_MULTIPLY(3, 5);
      }
      KEEPGATE_TILE_STORE(0, sum[0]);
      KEEPGATE_TILE_STORE(1, sum[1]);
      KEEPGATE_TILE_STORE(2, sum[2]);
      KEEPGATE_TILE_STORE(3, sum[3]);
      for (long i = 0; i < 4 && i < left; i++)
        for (long q = r; q < count && q < r + amx_rows; q++)
          add_total<W>(p, vectors, row[q], columns[i], parts[q], sum[i][q - r]);
    }
  }
}

}  // namespace keepgate::KEEPGATE_SET
#else
namespace keepgate::KEEPGATE_SET {
struct TilesInUse {};
}  // namespace keepgate::KEEPGATE_SET
#endif
