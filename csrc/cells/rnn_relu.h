// GENERATED from keepgate/cells/rnn.py by `python -m keepgate.emit`; change that file, not this one.
#pragma once

// The recurrent network without gates, after Elman (1990), "Finding structure in time", Cognitive Science 14.
struct RnnRelu {
  static constexpr const char* name = "rnn_relu";
  static constexpr int gates = 1;   // a
  static constexpr int states = 1;  // h
  static constexpr int vectors = 0;
  static constexpr int unit_inputs = 0;
  static constexpr int saved = 0;
  static constexpr int split = 0;                 // gates whose wx and uh do more than add up
  static constexpr int wx_gates[gates] = {0};     // a
  static constexpr int uh_gates[gates] = {0};     // a
  static constexpr bool dense = true;             // whether uh is a product with the output before
  static constexpr bool bias_hh = true;           // whether uh has a bias
  static constexpr int recurrent_state = 0;       // uh is made of h_prev
  static constexpr bool reads[states] = {false};  // which states before it a step reads itself, beside uh

  // a  ->  h
  template <class V>
  static KEEPGATE_INLINE void forward(const V* pre, const V* /*prev*/, const V* /*per_unit*/, V* next, V* /*saved*/) {
    const V a = pre[0];
    next[0] = relu(a);
  }

  // gradients of h  ->  of a; of h_prev beside uh
  template <class V>
  static KEEPGATE_INLINE void backward(const V* d_next, const V* /*saved*/, const V* /*prev*/, const V* next,
                                       const V* /*per_unit*/, V* d_pre, V* d_prev, V* /*d_per_unit*/) {
    const V h = next[0];
    const V d_h = d_next[0];
    d_pre[0] = where(h, d_h, 0);
    d_prev[0] = 0;
  }
};
