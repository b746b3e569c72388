// Which rows are read at which step, and where their numbers lie.
#pragma once
#include "core.h"

namespace keepgate {

// The rows of a batch, longest first, so that those still being read at a step are the first of them.
struct Rows {
  long count;         // rows in all
  const long* row;    // [count]: their places in the batch
  const long* length; // [count]: how many of their steps are real

  long longest() const { return count ? length[0] : 0; }
};

constexpr size_t order_bytes(long rows) { return size_t(rows) * 2 * sizeof(long); }

// Writes the order of f's rows into `memory` of order_bytes(rows).
Rows in_order(const Forward& f, void* memory);

// How one row is read: step s of its reading is time t of the text.
struct Reading {
  const Forward& f;

  long time(long s, long length) const { return f.reverse ? length - 1 - s : s; }
  long before(long t) const { return f.reverse ? t + 1 : t - 1; }

  // Whether the state is cleared before time t is read. A reverse reading clears it when it has read the step where a
  // new sequence begins, so that both directions see the same pieces.
  bool cleared(long t, long row, long length) const {
    if (f.resets == nullptr) return false;
    if (!f.reverse) return f.resets[t * f.sizes.rows + row] != 0;
    return t + 1 < length && f.resets[(t + 1) * f.sizes.rows + row] != 0;
  }
  long place(long t, long row) const { return t * f.sizes.rows + row; }
};

// The share of the rows that one member of a team reads. Rows of one length are cut into stretches, which the caches
// like; others are dealt out one by one in their order, so that long and short ones are shared evenly.
struct Share {
  const Rows& rows;
  long first, stride, most;

  static Share all(const Rows& rows) { return {rows, 0, 1, rows.count}; }
  static Share dealt(const Rows& rows, long member, long members) { return {rows, member, members, rows.count}; }
  static Share part(const Rows& rows, long member, long members) {
    const bool alike = rows.count == 0 || rows.length[0] == rows.length[rows.count - 1];
    if (!alike) return dealt(rows, member, members);
    const long first = rows.count * member / members;
    return {rows, first, 1, rows.count * (member + 1) / members - first};
  }

  long count() const { return reached(rows.count); }
  long place(long q) const { return first + q * stride; }  // among the rows in order
  long row(long q) const { return rows.row[place(q)]; }
  long length(long q) const { return rows.length[place(q)]; }

  // How many of the share's rows are read at step s, given how many were at an earlier step.
  long active(long s, long before) const {
    while (before > 0 && length(before - 1) <= s) before--;
    return before;
  }

  // How many of the first n rows in order are of this share.
  long reached(long n) const {
    const long within = n <= first ? 0 : (n - first + stride - 1) / stride;
    return within < most ? within : most;
  }
};

}  // namespace keepgate
