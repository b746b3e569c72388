// GENERATED from keepgate/cells/layer_norm_gru.py by `python -m keepgate.emit`; change that file, not this one.
#pragma once

// GRU with layer normalisation: Ba, Kiros & Hinton (2016), arXiv:1607.06450, as haste's LayerNormGRU.
struct LayerNormGru {
  static constexpr const char* name = "layer_norm_gru";
  static constexpr int gates = 3;     // r z n
  static constexpr int states = 1;    // h
  static constexpr int vectors = 10;  // gamma_ih_r gamma_ih_z gamma_ih_n gamma_hh_r gamma_hh_z gamma_hh_n b_r b_z b_n b_hh_n
  static constexpr int unit_inputs = 0;
  static constexpr int saved = 9;                    // r z n wx_r wx_z wx_n uh_r uh_z uh_n
  static constexpr int split = 3;                    // gates whose wx and uh do more than add up
  static constexpr int wx_gates[gates] = {0, 1, 2};  // r z n
  static constexpr int uh_gates[gates] = {0, 1, 2};  // r z n
  static constexpr bool dense = true;                // whether uh is a product with the output before
  static constexpr bool bias_hh = true;              // whether uh has a bias
  static constexpr int recurrent_state = 0;          // uh is made of h_prev
  static constexpr bool reads[states] = {true};      // which states before it a step reads itself, beside uh

  // wx_r, wx_z, wx_n, uh_r, uh_z, uh_n  ->  h; r, z, n, wx_r, wx_z, wx_n, uh_r, uh_z, uh_n
  static constexpr int forward_keeps = 0;  // numbers of each unit, of one loop for later ones
  template <class Rows>
  static KEEPGATE_INLINE void forward(const Rows& rows) {
    using V = typename Rows::V;
    typename Rows::Numbers mean1[2];
    rows.means(mean1, [&](auto at, V* sum) KEEPGATE_LAMBDA {
      const V wx_r = at.pre(0), wx_z = at.pre(1), wx_n = at.pre(2), uh_r = at.pre(3), uh_z = at.pre(4), uh_n = at.pre(5);
      at.saved(3) = wx_r;
      at.saved(4) = wx_z;
      at.saved(5) = wx_n;
      at.saved(6) = uh_r;
      at.saved(7) = uh_z;
      at.saved(8) = uh_n;
      sum[0] = wx_r + wx_z + wx_n;
      sum[1] = uh_r + uh_z + uh_n;
    });
    const auto row1 = rows.numbers([&](long r) KEEPGATE_LAMBDA { return mean1[0][r] * 0.3333333333333333; });
    const auto row3 = rows.numbers([&](long r) KEEPGATE_LAMBDA { return mean1[1][r] * 0.3333333333333333; });
    typename Rows::Numbers mean2[2];
    rows.means(mean2, [&](auto at, V* sum) KEEPGATE_LAMBDA {
      const V wx_r = at.pre(0), wx_z = at.pre(1), wx_n = at.pre(2), uh_r = at.pre(3), uh_z = at.pre(4), uh_n = at.pre(5);
      const V t1 = wx_r - row1[at];
      const V t2 = wx_z - row1[at];
      const V t3 = wx_n - row1[at];
      const V t4 = uh_r - row3[at];
      const V t5 = uh_z - row3[at];
      const V t6 = uh_n - row3[at];
      sum[0] = fma(t3, t3, fma(t1, t1, t2 * t2));
      sum[1] = fma(t6, t6, fma(t4, t4, t5 * t5));
    });
    const auto row2 = rows.numbers([&](long r) KEEPGATE_LAMBDA { return 1 / sqrt(fma(mean2[0][r], 0.3333333333333333, 1e-05)); });
    const auto row4 = rows.numbers([&](long r) KEEPGATE_LAMBDA { return 1 / sqrt(fma(mean2[1][r], 0.3333333333333333, 1e-05)); });
    rows.each([&](auto at) KEEPGATE_LAMBDA {
      const V wx_r = at.pre(0), wx_z = at.pre(1), wx_n = at.pre(2), uh_r = at.pre(3), uh_z = at.pre(4), uh_n = at.pre(5);
      const V h_prev = at.prev(0);
      const V gamma_ih_r = at.per_unit(0), gamma_ih_z = at.per_unit(1), gamma_ih_n = at.per_unit(2),
              gamma_hh_r = at.per_unit(3), gamma_hh_z = at.per_unit(4), gamma_hh_n = at.per_unit(5), b_r = at.per_unit(6),
              b_z = at.per_unit(7), b_n = at.per_unit(8), b_hh_n = at.per_unit(9);
      const V t1 = wx_r - row1[at];
      const V t2 = uh_r - row3[at];
      const V r = sigmoid(fma(gamma_ih_r, t1 * row2[at], gamma_hh_r * (t2 * row4[at])) + b_r);
      const V t3 = wx_z - row1[at];
      const V t4 = uh_z - row3[at];
      const V z = sigmoid(fma(gamma_ih_z, t3 * row2[at], gamma_hh_z * (t4 * row4[at])) + b_z);
      const V t5 = wx_n - row1[at];
      const V t6 = uh_n - row3[at];
      const V n = tanh(fma(r, fma(gamma_hh_n, t6 * row4[at], b_hh_n), fma(gamma_ih_n, t5 * row2[at], b_n)));
      at.saved(0) = r;
      at.saved(1) = z;
      at.saved(2) = n;
      at.next(0) = fma(1 - z, n, z * h_prev);
    });
  }

  // gradients of h  ->  of wx_r, wx_z, wx_n, uh_r, uh_z, uh_n; of h_prev beside uh; of gamma_ih_r, gamma_ih_z,
  // gamma_ih_n, gamma_hh_r, gamma_hh_z, gamma_hh_n, b_r, b_z, b_n, b_hh_n
  static constexpr int backward_keeps = 4;  // numbers of each unit, of one loop for later ones
  template <class Rows>
  static KEEPGATE_INLINE void backward(const Rows& rows) {
    using V = typename Rows::V;
    typename Rows::Numbers mean1[2];
    rows.means(mean1, [&](auto at, V* sum) KEEPGATE_LAMBDA {
      const V r = at.saved(0), z = at.saved(1), n = at.saved(2), wx_r = at.saved(3), wx_z = at.saved(4),
              wx_n = at.saved(5), uh_r = at.saved(6), uh_z = at.saved(7), uh_n = at.saved(8);
      const V h_prev = at.prev(0);
      const V d_h = at.d_next(0);
      const V t1 = 1 - z;
      const V t2 = d_h * (h_prev - n) * (z * t1);
      const V t3 = d_h * t1 * fnma(n, n, 1);
      const V t4 = t3 * r;
      at.d_prev(0) = d_h * z;
      at.d_per_unit(7) = t2;
      at.d_per_unit(8) = t3;
      at.d_per_unit(9) = t4;
      at.kept(0) = t3;
      at.kept(1) = t2;
      at.kept(2) = t4;
      sum[0] = uh_r + uh_z + uh_n;
      sum[1] = wx_r + wx_z + wx_n;
    });
    const auto row1 = rows.numbers([&](long r) KEEPGATE_LAMBDA { return mean1[0][r] * 0.3333333333333333; });
    const auto row3 = rows.numbers([&](long r) KEEPGATE_LAMBDA { return mean1[1][r] * 0.3333333333333333; });
    typename Rows::Numbers mean2[2];
    rows.means(mean2, [&](auto at, V* sum) KEEPGATE_LAMBDA {
      const V wx_r = at.saved(3), wx_z = at.saved(4), wx_n = at.saved(5), uh_r = at.saved(6), uh_z = at.saved(7),
              uh_n = at.saved(8);
      const V t1 = uh_r - row1[at];
      const V t2 = uh_z - row1[at];
      const V t3 = uh_n - row1[at];
      const V t4 = wx_r - row3[at];
      const V t5 = wx_z - row3[at];
      const V t6 = wx_n - row3[at];
      sum[0] = fma(t3, t3, fma(t1, t1, t2 * t2));
      sum[1] = fma(t6, t6, fma(t4, t4, t5 * t5));
    });
    const auto row2 = rows.numbers([&](long r) KEEPGATE_LAMBDA { return 1 / sqrt(fma(mean2[0][r], 0.3333333333333333, 1e-05)); });
    const auto row4 = rows.numbers([&](long r) KEEPGATE_LAMBDA { return 1 / sqrt(fma(mean2[1][r], 0.3333333333333333, 1e-05)); });
    const auto row5 = rows.numbers([&](long r) KEEPGATE_LAMBDA { return 0.5 * (row4[r] * row4[r] * row4[r]); });
    const auto row9 = rows.numbers([&](long r) KEEPGATE_LAMBDA { return 0.5 * (row2[r] * row2[r] * row2[r]); });
    typename Rows::Numbers mean3[4];
    rows.means(mean3, [&](auto at, V* sum) KEEPGATE_LAMBDA {
      const V r = at.saved(0), wx_r = at.saved(3), wx_z = at.saved(4), wx_n = at.saved(5), uh_r = at.saved(6),
              uh_z = at.saved(7), uh_n = at.saved(8);
      const V gamma_ih_r = at.per_unit(0), gamma_ih_z = at.per_unit(1), gamma_ih_n = at.per_unit(2),
              gamma_hh_r = at.per_unit(3), gamma_hh_z = at.per_unit(4), gamma_hh_n = at.per_unit(5),
              b_hh_n = at.per_unit(9);
      const V kept0 = at.kept(0), kept1 = at.kept(1), kept2 = at.kept(2);
      const V t1 = uh_n - row1[at];
      const V t2 = t1 * row2[at];
      const V t3 = kept0 * fma(gamma_hh_n, t2, b_hh_n) * (r * (1 - r));
      const V t4 = wx_r - row3[at];
      const V t5 = wx_z - row3[at];
      const V t6 = wx_n - row3[at];
      const V t7 = uh_r - row1[at];
      const V t8 = uh_z - row1[at];
      const V t9 = t3 * gamma_ih_r;
      const V t10 = kept0 * gamma_ih_n;
      const V t11 = kept1 * gamma_ih_z;
      const V t12 = kept2 * gamma_hh_n;
      const V t13 = t3 * gamma_hh_r;
      const V t14 = kept1 * gamma_hh_z;
      at.d_per_unit(0) = t3 * (t4 * row4[at]);
      at.d_per_unit(1) = kept1 * (t5 * row4[at]);
      at.d_per_unit(2) = kept0 * (t6 * row4[at]);
      at.d_per_unit(3) = t3 * (t7 * row2[at]);
      at.d_per_unit(4) = kept1 * (t8 * row2[at]);
      at.d_per_unit(5) = kept2 * t2;
      at.d_per_unit(6) = t3;
      at.kept(3) = t3;
      sum[0] = fma(t11, t5, fma(t9, t4, t10 * t6));
      sum[1] = -(t10 + t9 + t11);
      sum[2] = fma(t14, t8, fma(t12, t1, t13 * t7));
      sum[3] = -(t12 + t13 + t14);
    });
    const auto row6 = rows.numbers([&](long r) KEEPGATE_LAMBDA { return mean3[0][r] * row5[r] * 0.3333333333333333; });
    const auto row7 = rows.numbers([&](long r) KEEPGATE_LAMBDA { return row6[r] + row6[r]; });
    const auto row8 = rows.numbers([&](long r) KEEPGATE_LAMBDA { return row4[r] * mean3[1][r] * 0.3333333333333333; });
    const auto row10 = rows.numbers([&](long r) KEEPGATE_LAMBDA { return mean3[2][r] * row9[r] * 0.3333333333333333; });
    const auto row11 = rows.numbers([&](long r) KEEPGATE_LAMBDA { return row10[r] + row10[r]; });
    const auto row12 = rows.numbers([&](long r) KEEPGATE_LAMBDA { return row2[r] * mean3[3][r] * 0.3333333333333333; });
    rows.each([&](auto at) KEEPGATE_LAMBDA {
      const V wx_r = at.saved(3), wx_z = at.saved(4), wx_n = at.saved(5), uh_r = at.saved(6), uh_z = at.saved(7),
              uh_n = at.saved(8);
      const V gamma_ih_r = at.per_unit(0), gamma_ih_z = at.per_unit(1), gamma_ih_n = at.per_unit(2),
              gamma_hh_r = at.per_unit(3), gamma_hh_z = at.per_unit(4), gamma_hh_n = at.per_unit(5);
      const V kept0 = at.kept(0), kept1 = at.kept(1), kept2 = at.kept(2), kept3 = at.kept(3);
      const V t1 = kept3 * gamma_ih_r;
      const V t2 = wx_r - row3[at];
      const V t3 = kept1 * gamma_ih_z;
      const V t4 = wx_z - row3[at];
      const V t5 = kept0 * gamma_ih_n;
      const V t6 = wx_n - row3[at];
      const V t7 = kept3 * gamma_hh_r;
      const V t8 = uh_r - row1[at];
      const V t9 = kept1 * gamma_hh_z;
      const V t10 = uh_z - row1[at];
      const V t11 = kept2 * gamma_hh_n;
      const V t12 = uh_n - row1[at];
      at.d_pre(0) = fms(t1, row4[at], row7[at] * t2) + row8[at];
      at.d_pre(1) = fms(t3, row4[at], row7[at] * t4) + row8[at];
      at.d_pre(2) = fms(t5, row4[at], row7[at] * t6) + row8[at];
      at.d_pre(3) = fms(t7, row2[at], row11[at] * t8) + row12[at];
      at.d_pre(4) = fms(t9, row2[at], row11[at] * t10) + row12[at];
      at.d_pre(5) = fms(t11, row2[at], row11[at] * t12) + row12[at];
    });
  }
};
