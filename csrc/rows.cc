#include "rows.h"

#include <algorithm>

namespace keepgate {

Rows in_order(const Forward& f, void* memory) {
  const long rows = f.sizes.rows;
  long* const row = static_cast<long*>(memory);
  long* const length = row + rows;
  for (long r = 0; r < rows; r++) row[r] = r;
  const auto real = [&](long r) { return f.lengths ? long(f.lengths[r]) : f.sizes.steps; };
  if (f.lengths)
    std::sort(row, row + rows, [&](long a, long b) { return real(a) != real(b) ? real(a) > real(b) : a < b; });
  for (long r = 0; r < rows; r++) length[r] = real(row[r]);
  return {rows, row, length};
}

}  // namespace keepgate
