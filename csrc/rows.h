// The schedule of ragged rows: which are active at which step, and where their states come from.
#pragma once
#include "core.h"

namespace keepgate {

// The rows of a batch sorted by length, longest first, so that the active ones at a step are a prefix.
struct Rows {
  long count;
  const long* row;     // [count]: indices in the batch
  const long* length;  // [count]: real steps

  long longest() const { return count ? length[0] : 0; }
};

constexpr size_t order_bytes(long rows) { return size_t(rows) * 2 * sizeof(long); }

// Sorts f's rows; the result lies in `memory`, order_bytes(rows) bytes.
Rows in_order(const Forward& f, void* memory);

// One step of one row: its time, and the time of the step before it or one of the two constants.
constexpr long at_start = -1, at_reset = -2;
struct Step {
  long row, time, prev_time;
};

// A reverse call clears the state after the step at which a sequence begins, so that both directions see the same
// sequences.
inline Step step_of(const Forward& f, long step, long row, long length) {
  const long time = f.reverse ? length - 1 - step : step, reset = f.reverse ? time + 1 : time;
  const bool cleared = f.resets && reset < length && f.resets[reset * f.sizes.rows + row];
  return {row, time, cleared ? at_reset : step == 0 ? at_start : f.reverse ? time + 1 : time - 1};
}

// How many of the next `most` steps, every `stride`-th of the array, share one time and have equally spaced rows.
inline long spaced_rows(const Step* steps, long stride, long most) {
  long count = 1;
  for (; count < most; count++) {
    const Step &now = steps[count * stride], &last = steps[(count - 1) * stride];
    if (now.time != steps->time || now.prev_time != steps->prev_time) break;
    if (now.row - last.row != steps[stride].row - steps->row) break;
  }
  return count;
}

// The rows of one member of a team. Rows of equal length are split into contiguous ranges, which suits the caches;
// ragged ones are dealt out round robin in sorted order, which balances the lengths.
struct Share {
  Rows rows;
  long first, stride, count;

  static Share all(const Rows& rows) { return {rows, 0, 1, rows.count}; }
  static Share part(const Rows& rows, long member, long members) {
    const long n = rows.count, first = n * member / members;
    const bool alike = n == 0 || rows.length[0] == rows.length[n - 1];
    return alike ? Share{rows, first, 1, n * (member + 1) / members - first}
                 : Share{rows, member, members, (n - member + members - 1) / members};
  }

  long place(long q) const { return first + q * stride; }  // index in the sorted order
  long row(long q) const { return rows.row[place(q)]; }
  long length(long q) const { return rows.length[place(q)]; }

  // How many of the share's rows are active at a step; `near`: how many are at a neighbouring step.
  long active(long step, long near) const {
    while (near > 0 && length(near - 1) <= step) near--;
    while (near < count && length(near) > step) near++;
    return near;
  }
};

}  // namespace keepgate
