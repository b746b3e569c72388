// GENERATED from keepgate/cells/peephole.py by `python -m keepgate.emit`; change that file, not this one.
#pragma once

// Long short-term memory with peepholes: Gers & Schmidhuber (2000), "Recurrent nets that time and count".
struct Peephole {
  static constexpr const char* name = "peephole";
  static constexpr int gates = 4;    // i f g o
  static constexpr int states = 2;   // h c
  static constexpr int vectors = 3;  // p_i p_f p_o
  static constexpr int unit_inputs = 0;
  static constexpr int saved = 4;                       // i f g o
  static constexpr int split = 0;                       // gates whose wx and uh do more than add up
  static constexpr int wx_gates[gates] = {0, 1, 2, 3};  // i f g o
  static constexpr int uh_gates[gates] = {0, 1, 2, 3};  // i f g o
  static constexpr bool dense = true;                   // whether uh is a product with the output before
  static constexpr bool bias_hh = true;                 // whether uh has a bias
  static constexpr int recurrent_state = 0;             // uh is made of h_prev
  static constexpr bool reads[states] = {false, true};  // which states before it a step reads itself, beside uh

  // a_i, a_f, a_g, a_o  ->  h, c; i, f, g, o
  template <class V>
  static KEEPGATE_INLINE void forward(const V* pre, const V* prev, const V* per_unit, V* next, V* saved) {
    const V a_i = pre[0], a_f = pre[1], a_g = pre[2], a_o = pre[3];
    const V c_prev = prev[1];
    const V p_i = per_unit[0], p_f = per_unit[1], p_o = per_unit[2];
    const V i = sigmoid(fma(p_i, c_prev, a_i));
    const V f = sigmoid(fma(p_f, c_prev, a_f));
    const V g = tanh(a_g);
    const V c = fma(f, c_prev, i * g);
    const V o = sigmoid(fma(p_o, c, a_o));
    saved[0] = i;
    saved[1] = f;
    saved[2] = g;
    saved[3] = o;
    next[0] = o * tanh(c);
    next[1] = c;
  }

  // gradients of h, c  ->  of a_i, a_f, a_g, a_o; of h_prev, c_prev beside uh; of p_i, p_f, p_o
  template <class V>
  static KEEPGATE_INLINE void backward(const V* d_next, const V* saved, const V* prev, const V* next, const V* per_unit,
                                       V* d_pre, V* d_prev, V* d_per_unit) {
    const V i = saved[0], f = saved[1], g = saved[2], o = saved[3];
    const V c_prev = prev[1];
    const V c = next[1];
    const V p_i = per_unit[0], p_f = per_unit[1], p_o = per_unit[2];
    const V d_h = d_next[0];
    const V tanh_c = tanh(c);
    const V d_a_o = d_h * tanh_c * (o * (1 - o));
    const V d_c = fma(d_a_o, p_o, fma(d_h * o, fnma(tanh_c, tanh_c, 1), d_next[1]));
    const V d_a_i = d_c * g * (i * (1 - i));
    const V d_a_f = d_c * c_prev * (f * (1 - f));
    d_pre[0] = d_a_i;
    d_pre[1] = d_a_f;
    d_pre[2] = d_c * i * fnma(g, g, 1);
    d_pre[3] = d_a_o;
    d_prev[0] = 0;
    d_prev[1] = fma(d_a_f, p_f, fma(d_a_i, p_i, d_c * f));
    d_per_unit[0] = d_a_i * c_prev;
    d_per_unit[1] = d_a_f * c_prev;
    d_per_unit[2] = d_a_o * c;
  }
};
