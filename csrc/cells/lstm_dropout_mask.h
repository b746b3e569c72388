// GENERATED from keepgate/cells/zoneout.py by `python -m keepgate.emit`; change that file, not this one.
#pragma once

// A cell with zoneout and recurrent dropout: in training by masks that its caller gives, else by their means.
struct LstmDropoutMask {
  static constexpr const char* name = "lstm_dropout_mask";
  static constexpr int gates = 4;   // i f g o
  static constexpr int states = 3;  // h c dropped_output
  static constexpr int vectors = 0;
  static constexpr int unit_inputs = 1;                        // dropout_mask
  static constexpr int saved = 4;                              // i f g o
  static constexpr int split = 0;                              // gates whose wx and uh do more than add up
  static constexpr int wx_gates[gates] = {0, 1, 2, 3};         // i f g o
  static constexpr int uh_gates[gates] = {0, 1, 2, 3};         // i f g o
  static constexpr bool dense = true;                          // whether uh is a product with the output before
  static constexpr bool bias_hh = true;                        // whether uh has a bias
  static constexpr int recurrent_state = 2;                    // uh is made of dropped_output_prev
  static constexpr bool reads[states] = {false, true, false};  // which states before it a step reads itself, beside uh

  // a_i, a_f, a_g, a_o  ->  h, c, dropped_output; i, f, g, o
  template <class V>
  static KEEPGATE_INLINE void forward(const V* pre, const V* prev, const V* per_unit, V* next, V* saved) {
    const V a_i = pre[0], a_f = pre[1], a_g = pre[2], a_o = pre[3];
    const V c_prev = prev[1];
    const V dropout_mask = per_unit[0];
    const V i = sigmoid(a_i);
    const V f = sigmoid(a_f);
    const V g = tanh(a_g);
    const V o = sigmoid(a_o);
    const V c = fma(f, c_prev, i * g);
    const V h = o * tanh(c);
    saved[0] = i;
    saved[1] = f;
    saved[2] = g;
    saved[3] = o;
    next[0] = h;
    next[1] = c;
    next[2] = h * dropout_mask;
  }

  // gradients of h, c, dropped_output  ->  of a_i, a_f, a_g, a_o; of h_prev, c_prev, dropped_output_prev beside uh; of
  // dropout_mask
  template <class V>
  static KEEPGATE_INLINE void backward(const V* d_next, const V* saved, const V* prev, const V* next, const V* per_unit,
                                       V* d_pre, V* d_prev, V* d_per_unit) {
    const V i = saved[0], f = saved[1], g = saved[2], o = saved[3];
    const V c_prev = prev[1];
    const V h = next[0], c = next[1];
    const V dropout_mask = per_unit[0];
    const V d_dropped_output = d_next[2];
    const V d_h = fma(d_dropped_output, dropout_mask, d_next[0]);
    const V tanh_c = tanh(c);
    const V d_c = fma(d_h * o, fnma(tanh_c, tanh_c, 1), d_next[1]);
    d_pre[0] = d_c * g * (i * (1 - i));
    d_pre[1] = d_c * c_prev * (f * (1 - f));
    d_pre[2] = d_c * i * fnma(g, g, 1);
    d_pre[3] = d_h * tanh_c * (o * (1 - o));
    d_prev[0] = 0;
    d_prev[1] = d_c * f;
    d_prev[2] = 0;
    d_per_unit[0] = d_dropped_output * h;
  }
};
