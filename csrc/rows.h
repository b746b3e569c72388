// Which rows are read at which step.
#pragma once
#include "core.h"

namespace keepgate {

// The rows of a batch, longest first, so that those still being read at a step are the first of them.
struct Rows {
  long count;          // rows in all
  const long* row;     // [count]: their places in the batch
  const long* length;  // [count]: how many of their steps are real

  long longest() const { return count ? length[0] : 0; }
};

constexpr size_t order_bytes(long rows) { return size_t(rows) * 2 * sizeof(long); }

// Writes the order of f's rows into `memory` of order_bytes(rows).
Rows in_order(const Forward& f, void* memory);

// A step of a row's reading, by its time in the text and that of the step before it, unless that is one of these.
constexpr long at_start = -1, at_reset = -2;
struct Step {
  long row, time, before;
};

// A reverse reading clears the state when it has read the step where a new sequence begins, so that both directions see
// the same pieces.
inline Step step_of(const Forward& f, long step, long row, long length) {
  const long time = f.reverse ? length - 1 - step : step, reset = f.reverse ? time + 1 : time;
  const bool cleared = f.resets && reset < length && f.resets[reset * f.sizes.rows + row];
  return {row, time, cleared ? at_reset : step == 0 ? at_start : f.reverse ? time + 1 : time - 1};
}

// How many of `most` steps, the next one `stride` after the last, are of one time and of rows at equal distances.
inline long alike(const Step* steps, long stride, long most) {
  long count = 1;
  for (; count < most; count++) {
    const Step &now = steps[count * stride], &last = steps[(count - 1) * stride];
    if (now.time != steps->time || now.before != steps->before) break;
    if (now.row - last.row != steps[stride].row - steps->row) break;
  }
  return count;
}

// The share of the rows that one member of a team reads. Rows of one length are cut into stretches, which the caches
// like; others are dealt out one by one in their order, so that long and short ones are shared evenly.
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

  long place(long q) const { return first + q * stride; }  // among the rows in order
  long row(long q) const { return rows.row[place(q)]; }
  long length(long q) const { return rows.length[place(q)]; }

  // How many of the share's rows are read at a step, given how many are at an earlier or a later one.
  long active(long step, long near) const {
    while (near > 0 && length(near - 1) <= step) near--;
    while (near < count && length(near) > step) near++;
    return near;
  }
};

}  // namespace keepgate
