// GENERATED from keepgate/cells/mingru.py by `python -m keepgate.emit`; change that file, not this one.
#pragma once

// Minimal gated recurrent unit: Feng et al. (2024), "Were RNNs all we needed?", arXiv:2410.01201, section 3.1.
struct Mingru {
  static constexpr const char* name = "mingru";
  static constexpr int gates = 2;   // z n
  static constexpr int states = 1;  // h
  static constexpr int vectors = 0;
  static constexpr int unit_inputs = 0;
  static constexpr int saved = 2;                 // z n
  static constexpr int split = 0;                 // gates whose wx and uh do more than add up
  static constexpr int wx_gates[gates] = {0, 1};  // z n
  static constexpr int uh_gates[gates] = {0, 1};  // no uh
  static constexpr bool dense = false;            // whether uh is a product with the output before
  static constexpr bool bias_hh = false;          // whether uh has a bias
  static constexpr int recurrent_state = 0;
  static constexpr bool reads[states] = {true};  // which states before it a step reads

  // wx_z, wx_n  ->  h; z, n
  template <class V>
  static KEEPGATE_INLINE void forward(const V* pre, const V* prev, const V* /*per_unit*/, V* next, V* saved) {
    const V wx_z = pre[0], wx_n = pre[1];
    const V h_prev = prev[0];
    const V z = sigmoid(wx_z);
    saved[0] = z;
    saved[1] = wx_n;
    next[0] = fma(1 - z, h_prev, z * wx_n);
  }

  // gradients of h  ->  of wx_z, wx_n; of h_prev
  template <class V>
  static KEEPGATE_INLINE void backward(const V* d_next, const V* saved, const V* prev, const V* /*next*/,
                                       const V* /*per_unit*/, V* d_pre, V* d_prev, V* /*d_per_unit*/) {
    const V z = saved[0], n = saved[1];
    const V h_prev = prev[0];
    const V d_h = d_next[0];
    d_pre[0] = d_h * (n - h_prev) * (z * (1 - z));
    d_pre[1] = d_h * z;
    d_prev[0] = d_h * (1 - z);
  }
};
