// GENERATED from keepgate/cells/zoneout.py by `python -m keepgate.emit`; change that file, not this one.
#pragma once

// A cell with zoneout and recurrent dropout: in training by masks that its caller gives, else by their means.
struct GruKeepOutput {
  static constexpr const char* name = "gru_keep_output";
  static constexpr int gates = 3;   // r z n
  static constexpr int states = 1;  // h
  static constexpr int vectors = 0;
  static constexpr int unit_inputs = 1;              // keep_output
  static constexpr int saved = 4;                    // r z n uh_n
  static constexpr int split = 1;                    // gates whose wx and uh do more than add up
  static constexpr int wx_gates[gates] = {2, 0, 1};  // n r z
  static constexpr int uh_gates[gates] = {0, 1, 2};  // r z n
  static constexpr bool dense = true;                // whether uh is a product with the output before
  static constexpr bool bias_hh = true;              // whether uh has a bias
  static constexpr int recurrent_state = 0;          // uh is made of h_prev
  static constexpr bool reads[states] = {true};      // which states before it a step reads itself, beside uh

  // wx_n, a_r, a_z, uh_n  ->  h; r, z, n, uh_n
  template <class V>
  static KEEPGATE_INLINE void forward(const V* pre, const V* prev, const V* per_unit, V* next, V* saved) {
    const V wx_n = pre[0], a_r = pre[1], a_z = pre[2], uh_n = pre[3];
    const V h_prev = prev[0];
    const V keep_output = per_unit[0];
    const V r = sigmoid(a_r);
    const V z = sigmoid(a_z);
    const V n = tanh(fma(r, uh_n, wx_n));
    saved[0] = r;
    saved[1] = z;
    saved[2] = n;
    saved[3] = uh_n;
    next[0] = fma(keep_output, h_prev, (1 - keep_output) * fma(1 - z, n, z * h_prev));
  }

  // gradients of h  ->  of wx_n, a_r, a_z, uh_n; of h_prev beside uh; of keep_output
  template <class V>
  static KEEPGATE_INLINE void backward(const V* d_next, const V* saved, const V* prev, const V* /*next*/,
                                       const V* per_unit, V* d_pre, V* d_prev, V* d_per_unit) {
    const V r = saved[0], z = saved[1], n = saved[2], uh_n = saved[3];
    const V h_prev = prev[0];
    const V keep_output = per_unit[0];
    const V d_h = d_next[0];
    const V t1 = d_h * (1 - keep_output);
    const V d_wx_n = t1 * (1 - z) * fnma(n, n, 1);
    d_pre[0] = d_wx_n;
    d_pre[1] = d_wx_n * uh_n * (r * (1 - r));
    d_pre[2] = t1 * (h_prev - n) * (z * (1 - z));
    d_pre[3] = d_wx_n * r;
    d_prev[0] = fma(t1, z, d_h * keep_output);
    d_per_unit[0] = d_h * (h_prev - fma(1 - z, n, z * h_prev));
  }
};
