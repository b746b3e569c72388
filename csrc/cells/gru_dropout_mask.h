// GENERATED from keepgate/cells/zoneout.py by `python -m keepgate.emit`; change that file, not this one.
#pragma once

// A cell with zoneout and recurrent dropout: in training by masks that its caller gives, else by their means.
struct GruDropoutMask {
  static constexpr const char* name = "gru_dropout_mask";
  static constexpr int gates = 3;   // r z n
  static constexpr int states = 2;  // h dropped_output
  static constexpr int vectors = 0;
  static constexpr int unit_inputs = 1;                 // dropout_mask
  static constexpr int saved = 4;                       // r z n uh_n
  static constexpr int split = 1;                       // gates whose wx and uh do more than add up
  static constexpr int wx_gates[gates] = {2, 0, 1};     // n r z
  static constexpr int uh_gates[gates] = {0, 1, 2};     // r z n
  static constexpr bool dense = true;                   // whether uh is a product with the output before
  static constexpr bool bias_hh = true;                 // whether uh has a bias
  static constexpr int recurrent_state = 1;             // uh is made of dropped_output_prev
  static constexpr bool reads[states] = {true, false};  // which states before it a step reads itself, beside uh

  // wx_n, a_r, a_z, uh_n  ->  h, dropped_output; r, z, n, uh_n
  template <class V>
  static KEEPGATE_INLINE void forward(const V* pre, const V* prev, const V* per_unit, V* next, V* saved) {
    const V wx_n = pre[0], a_r = pre[1], a_z = pre[2], uh_n = pre[3];
    const V h_prev = prev[0];
    const V dropout_mask = per_unit[0];
    const V r = sigmoid(a_r);
    const V z = sigmoid(a_z);
    const V n = tanh(fma(r, uh_n, wx_n));
    const V h = fma(1 - z, n, z * h_prev);
    saved[0] = r;
    saved[1] = z;
    saved[2] = n;
    saved[3] = uh_n;
    next[0] = h;
    next[1] = h * dropout_mask;
  }

  // gradients of h, dropped_output  ->  of wx_n, a_r, a_z, uh_n; of h_prev, dropped_output_prev beside uh; of
  // dropout_mask
  template <class V>
  static KEEPGATE_INLINE void backward(const V* d_next, const V* saved, const V* prev, const V* next, const V* per_unit,
                                       V* d_pre, V* d_prev, V* d_per_unit) {
    const V r = saved[0], z = saved[1], n = saved[2], uh_n = saved[3];
    const V h_prev = prev[0];
    const V h = next[0];
    const V dropout_mask = per_unit[0];
    const V d_dropped_output = d_next[1];
    const V d_h = fma(d_dropped_output, dropout_mask, d_next[0]);
    const V d_wx_n = d_h * (1 - z) * fnma(n, n, 1);
    d_pre[0] = d_wx_n;
    d_pre[1] = d_wx_n * uh_n * (r * (1 - r));
    d_pre[2] = d_h * (h_prev - n) * (z * (1 - z));
    d_pre[3] = d_wx_n * r;
    d_prev[0] = d_h * z;
    d_prev[1] = 0;
    d_per_unit[0] = d_dropped_output * h;
  }
};
