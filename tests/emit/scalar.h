// One double where the kernels have a register of numbers: what a cell's C++ needs of its surroundings, and no more.
#pragma once
#include <cmath>

#define KEEPGATE_INLINE inline
#define KEEPGATE_LAMBDA

namespace keepgate_test {

struct Scalar {
  double x;
  Scalar() = default;
  Scalar(double number) : x(number) {}
  friend Scalar operator+(Scalar a, Scalar b) { return a.x + b.x; }
  friend Scalar operator-(Scalar a, Scalar b) { return a.x - b.x; }
  friend Scalar operator*(Scalar a, Scalar b) { return a.x * b.x; }
  friend Scalar operator/(Scalar a, Scalar b) { return a.x / b.x; }
  friend Scalar operator-(Scalar a) { return -a.x; }
};

inline Scalar fma(Scalar a, Scalar b, Scalar c) { return std::fma(a.x, b.x, c.x); }
inline Scalar fms(Scalar a, Scalar b, Scalar c) { return std::fma(a.x, b.x, -c.x); }
inline Scalar fnma(Scalar a, Scalar b, Scalar c) { return std::fma(-a.x, b.x, c.x); }
inline Scalar sigmoid(Scalar a) { return 1 / (1 + std::exp(-a.x)); }
inline Scalar tanh(Scalar a) { return std::tanh(a.x); }
inline Scalar exp(Scalar a) { return std::exp(a.x); }
inline Scalar log(Scalar a) { return std::log(a.x); }
inline Scalar relu(Scalar a) { return a.x > 0 ? a.x : 0; }
inline Scalar maximum(Scalar a, Scalar b) { return a.x > b.x ? a.x : b.x; }
inline Scalar minimum(Scalar a, Scalar b) { return a.x < b.x ? a.x : b.x; }
inline Scalar step_of(Scalar a) { return a.x > 0 ? 1 : 0; }
inline Scalar greater(Scalar a, Scalar b) { return a.x > b.x ? 1 : 0; }
inline Scalar where(Scalar condition, Scalar a, Scalar b) { return condition.x != 0 ? a : b; }
inline Scalar sqrt(Scalar a) { return std::sqrt(a.x); }
inline Scalar abs(Scalar a) { return std::fabs(a.x); }
inline Scalar softplus(Scalar a) { return std::log1p(std::exp(a.x)); }

// A step of `count` units. Every array is [values, count]; per_unit: the cell's vectors, then its unit inputs.
template <class Cell>
void forward(long count, const double* pre, const double* prev, const double* per_unit, double* next, double* saved) {
  constexpr int columns = Cell::gates + Cell::split, per_units = Cell::vectors + Cell::unit_inputs;
  for (long unit = 0; unit < count; ++unit) {
    Scalar one_pre[columns], one_prev[Cell::states], one_per_unit[per_units + 1] = {}, one_next[Cell::states],
                                                                                  one_saved[Cell::saved + 1];
    for (int k = 0; k < columns; ++k) one_pre[k] = pre[k * count + unit];
    for (int k = 0; k < Cell::states; ++k) one_prev[k] = prev[k * count + unit];
    for (int k = 0; k < per_units; ++k) one_per_unit[k] = per_unit[k * count + unit];
    Cell::forward(one_pre, one_prev, one_per_unit, one_next, one_saved);
    for (int k = 0; k < Cell::states; ++k) next[k * count + unit] = one_next[k].x;
    for (int k = 0; k < Cell::saved; ++k) saved[k * count + unit] = one_saved[k].x;
  }
}

template <class Cell>
void backward(long count, const double* d_next, const double* saved, const double* prev, const double* next,
              const double* per_unit, double* d_pre, double* d_prev, double* d_per_unit) {
  constexpr int columns = Cell::gates + Cell::split, per_units = Cell::vectors + Cell::unit_inputs;
  for (long unit = 0; unit < count; ++unit) {
    Scalar one_d_next[Cell::states], one_saved[Cell::saved + 1], one_prev[Cell::states], one_next[Cell::states],
        one_per_unit[per_units + 1] = {}, one_d_pre[columns], one_d_prev[Cell::states], one_d_per_unit[per_units + 1];
    for (int k = 0; k < Cell::states; ++k) {
      one_d_next[k] = d_next[k * count + unit];
      one_prev[k] = prev[k * count + unit];
      one_next[k] = next[k * count + unit];
    }
    for (int k = 0; k < Cell::saved; ++k) one_saved[k] = saved[k * count + unit];
    for (int k = 0; k < per_units; ++k) one_per_unit[k] = per_unit[k * count + unit];
    Cell::backward(one_d_next, one_saved, one_prev, one_next, one_per_unit, one_d_pre, one_d_prev, one_d_per_unit);
    for (int k = 0; k < columns; ++k) d_pre[k * count + unit] = one_d_pre[k].x;
    for (int k = 0; k < Cell::states; ++k) d_prev[k * count + unit] = one_d_prev[k].x;
    for (int k = 0; k < per_units; ++k) d_per_unit[k * count + unit] = one_d_per_unit[k].x;
  }
}

// What a driver reads of a cell, in the order of Facts in compiler.py.
template <class Cell>
void facts(int* to) {
  const int numbers[] = {Cell::gates, Cell::states, Cell::vectors, Cell::split, Cell::saved,
                         Cell::dense, Cell::bias_hh, Cell::recurrent_state, Cell::unit_inputs};
  for (int number : numbers) *to++ = number;
  for (int k = 0; k < Cell::gates; ++k) *to++ = Cell::wx_gates[k];
  for (int k = 0; k < Cell::gates; ++k) *to++ = Cell::uh_gates[k];
  for (int k = 0; k < Cell::states; ++k) *to++ = Cell::reads[k];
}

}  // namespace keepgate_test

#define KEEPGATE_TEST(Cell)                                                                                         \
  extern "C" const char* name_##Cell() { return keepgate_test::Cell::name; }                                        \
  extern "C" void facts_##Cell(int* to) { keepgate_test::facts<keepgate_test::Cell>(to); }                          \
  extern "C" void forward_##Cell(long n, const double* a, const double* b, const double* c, double* d, double* e) { \
    keepgate_test::forward<keepgate_test::Cell>(n, a, b, c, d, e);                                                  \
  }                                                                                                                 \
  extern "C" void backward_##Cell(long n, const double* a, const double* b, const double* c, const double* d,       \
                                  const double* e, double* f, double* g, double* h) {                               \
    keepgate_test::backward<keepgate_test::Cell>(n, a, b, c, d, e, f, g, h);                                        \
  }
