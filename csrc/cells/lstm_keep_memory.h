// GENERATED from keepgate/cells/zoneout.py by `python -m keepgate.emit`; change that file, not this one.
#pragma once

// A cell with zoneout and recurrent dropout: in training by masks that its caller gives, else by their means.
struct LstmKeepMemory {
  static constexpr const char* name = "lstm_keep_memory";
  static constexpr int gates = 4;   // i f g o
  static constexpr int states = 2;  // h c
  static constexpr int vectors = 0;
  static constexpr int unit_inputs = 1;                 // keep_memory
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
    const V keep_memory = per_unit[0];
    const V i = sigmoid(a_i);
    const V f = sigmoid(a_f);
    const V g = tanh(a_g);
    const V o = sigmoid(a_o);
    const V t1 = fma(f, c_prev, i * g);
    saved[0] = i;
    saved[1] = f;
    saved[2] = g;
    saved[3] = o;
    next[0] = o * tanh(t1);
    next[1] = fma(keep_memory, c_prev, (1 - keep_memory) * t1);
  }

  // gradients of h, c  ->  of a_i, a_f, a_g, a_o; of h_prev, c_prev beside uh; of keep_memory
  template <class V>
  static KEEPGATE_INLINE void backward(const V* d_next, const V* saved, const V* prev, const V* /*next*/,
                                       const V* per_unit, V* d_pre, V* d_prev, V* d_per_unit) {
    const V i = saved[0], f = saved[1], g = saved[2], o = saved[3];
    const V c_prev = prev[1];
    const V keep_memory = per_unit[0];
    const V d_h = d_next[0], d_c = d_next[1];
    const V t1 = fma(f, c_prev, i * g);
    const V tanh_t1 = tanh(t1);
    const V t2 = fma(d_c, 1 - keep_memory, d_h * o * fnma(tanh_t1, tanh_t1, 1));
    d_pre[0] = t2 * g * (i * (1 - i));
    d_pre[1] = t2 * c_prev * (f * (1 - f));
    d_pre[2] = t2 * i * fnma(g, g, 1);
    d_pre[3] = d_h * tanh_t1 * (o * (1 - o));
    d_prev[0] = 0;
    d_prev[1] = fma(d_c, keep_memory, t2 * f);
    d_per_unit[0] = d_c * (c_prev - t1);
  }
};
