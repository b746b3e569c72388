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
  template <class Row>
  static KEEPGATE_INLINE void forward(const Row& row) {
    using V = typename Row::V;
    V mean1[2];
    row.means(mean1, [&](auto at, V* sum) KEEPGATE_LAMBDA {
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
    const V row1 = mean1[0] * 0.3333333333333333;
    const V row3 = mean1[1] * 0.3333333333333333;
    V mean2[2];
    row.means(mean2, [&](auto at, V* sum) KEEPGATE_LAMBDA {
      const V wx_r = at.pre(0), wx_z = at.pre(1), wx_n = at.pre(2), uh_r = at.pre(3), uh_z = at.pre(4), uh_n = at.pre(5);
      const V t1 = wx_r - row1;
      const V t2 = wx_z - row1;
      const V t3 = wx_n - row1;
      const V t4 = uh_r - row3;
      const V t5 = uh_z - row3;
      const V t6 = uh_n - row3;
      sum[0] = fma(t3, t3, fma(t1, t1, t2 * t2));
      sum[1] = fma(t6, t6, fma(t4, t4, t5 * t5));
    });
    const V row2 = 1 / sqrt(fma(mean2[0], 0.3333333333333333, 1e-05));
    const V row4 = 1 / sqrt(fma(mean2[1], 0.3333333333333333, 1e-05));
    row.each([&](auto at) KEEPGATE_LAMBDA {
      const V wx_r = at.pre(0), wx_z = at.pre(1), wx_n = at.pre(2), uh_r = at.pre(3), uh_z = at.pre(4), uh_n = at.pre(5);
      const V h_prev = at.prev(0);
      const V gamma_ih_r = at.per_unit(0), gamma_ih_z = at.per_unit(1), gamma_ih_n = at.per_unit(2),
              gamma_hh_r = at.per_unit(3), gamma_hh_z = at.per_unit(4), gamma_hh_n = at.per_unit(5), b_r = at.per_unit(6),
              b_z = at.per_unit(7), b_n = at.per_unit(8), b_hh_n = at.per_unit(9);
      const V t1 = wx_r - row1;
      const V t2 = uh_r - row3;
      const V r = sigmoid(fma(gamma_ih_r, t1 * row2, gamma_hh_r * (t2 * row4)) + b_r);
      const V t3 = wx_z - row1;
      const V t4 = uh_z - row3;
      const V z = sigmoid(fma(gamma_ih_z, t3 * row2, gamma_hh_z * (t4 * row4)) + b_z);
      const V t5 = wx_n - row1;
      const V t6 = uh_n - row3;
      const V n = tanh(fma(r, fma(gamma_hh_n, t6 * row4, b_hh_n), fma(gamma_ih_n, t5 * row2, b_n)));
      at.saved(0) = r;
      at.saved(1) = z;
      at.saved(2) = n;
      at.next(0) = fma(1 - z, n, z * h_prev);
    });
  }

  // gradients of h  ->  of wx_r, wx_z, wx_n, uh_r, uh_z, uh_n; of h_prev beside uh; of gamma_ih_r, gamma_ih_z,
  // gamma_ih_n, gamma_hh_r, gamma_hh_z, gamma_hh_n, b_r, b_z, b_n, b_hh_n
  static constexpr int backward_keeps = 10;  // numbers of each unit, of one loop for later ones
  template <class Row>
  static KEEPGATE_INLINE void backward(const Row& row) {
    using V = typename Row::V;
    V mean1[2];
    row.means(mean1, [&](auto at, V* sum) KEEPGATE_LAMBDA {
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
    const V row1 = mean1[0] * 0.3333333333333333;
    const V row4 = mean1[1] * 0.3333333333333333;
    V mean2[2];
    row.means(mean2, [&](auto at, V* sum) KEEPGATE_LAMBDA {
      const V wx_r = at.saved(3), wx_z = at.saved(4), wx_n = at.saved(5), uh_r = at.saved(6), uh_z = at.saved(7),
              uh_n = at.saved(8);
      const V t1 = uh_r - row1;
      const V t2 = uh_z - row1;
      const V t3 = uh_n - row1;
      const V t4 = wx_r - row4;
      const V t5 = wx_z - row4;
      const V t6 = wx_n - row4;
      sum[0] = fma(t3, t3, fma(t1, t1, t2 * t2));
      sum[1] = fma(t6, t6, fma(t4, t4, t5 * t5));
    });
    const V row2 = sqrt(fma(mean2[0], 0.3333333333333333, 1e-05));
    const V row3 = 1 / row2;
    const V row5 = sqrt(fma(mean2[1], 0.3333333333333333, 1e-05));
    const V row6 = 1 / row5;
    const V row7 = row6 / row5;
    const V row8 = 2 * row5;
    const V row11 = row3 / row2;
    const V row12 = 2 * row2;
    V mean3[2];
    row.means(mean3, [&](auto at, V* sum) KEEPGATE_LAMBDA {
      const V r = at.saved(0), wx_r = at.saved(3), wx_z = at.saved(4), wx_n = at.saved(5), uh_r = at.saved(6),
              uh_z = at.saved(7), uh_n = at.saved(8);
      const V gamma_ih_r = at.per_unit(0), gamma_ih_z = at.per_unit(1), gamma_ih_n = at.per_unit(2),
              gamma_hh_r = at.per_unit(3), gamma_hh_z = at.per_unit(4), gamma_hh_n = at.per_unit(5),
              b_hh_n = at.per_unit(9);
      const V kept0 = at.kept(0), kept1 = at.kept(1), kept2 = at.kept(2);
      const V t1 = uh_n - row1;
      const V t2 = t1 * row3;
      const V t3 = kept0 * fma(gamma_hh_n, t2, b_hh_n) * (r * (1 - r));
      const V t4 = wx_r - row4;
      const V t5 = wx_z - row4;
      const V t6 = wx_n - row4;
      const V t7 = uh_r - row1;
      const V t8 = uh_z - row1;
      const V t9 = t3 * gamma_ih_r;
      const V t10 = kept0 * gamma_ih_n;
      const V t11 = kept1 * gamma_ih_z;
      const V t12 = kept2 * gamma_hh_n;
      const V t13 = t3 * gamma_hh_r;
      const V t14 = kept1 * gamma_hh_z;
      at.d_per_unit(0) = t3 * (t4 * row6);
      at.d_per_unit(1) = kept1 * (t5 * row6);
      at.d_per_unit(2) = kept0 * (t6 * row6);
      at.d_per_unit(3) = t3 * (t7 * row3);
      at.d_per_unit(4) = kept1 * (t8 * row3);
      at.d_per_unit(5) = kept2 * t2;
      at.d_per_unit(6) = t3;
      at.kept(3) = t3;
      sum[0] = fma(t11, t5, fma(t9, t4, t10 * t6));
      sum[1] = fma(t14, t8, fma(t12, t1, t13 * t7));
    });
    const V row9 = mean3[0] * row7 / row8 * 0.3333333333333333;
    const V row13 = mean3[1] * row11 / row12 * 0.3333333333333333;
    V mean4[2];
    row.means(mean4, [&](auto at, V* sum) KEEPGATE_LAMBDA {
      const V wx_r = at.saved(3), wx_z = at.saved(4), wx_n = at.saved(5), uh_r = at.saved(6), uh_z = at.saved(7),
              uh_n = at.saved(8);
      const V gamma_ih_r = at.per_unit(0), gamma_ih_z = at.per_unit(1), gamma_ih_n = at.per_unit(2),
              gamma_hh_r = at.per_unit(3), gamma_hh_z = at.per_unit(4), gamma_hh_n = at.per_unit(5);
      const V kept0 = at.kept(0), kept1 = at.kept(1), kept2 = at.kept(2), kept3 = at.kept(3);
      const V t1 = kept3 * gamma_ih_r;
      const V t2 = wx_r - row4;
      const V t3 = row9 * t2;
      const V t4 = fms(t1, row6, t3) - t3;
      const V t5 = kept0 * gamma_ih_n;
      const V t6 = wx_n - row4;
      const V t7 = row9 * t6;
      const V t8 = fms(t5, row6, t7) - t7;
      const V t9 = kept1 * gamma_ih_z;
      const V t10 = wx_z - row4;
      const V t11 = row9 * t10;
      const V t12 = fms(t9, row6, t11) - t11;
      const V t13 = kept3 * gamma_hh_r;
      const V t14 = uh_r - row1;
      const V t15 = row13 * t14;
      const V t16 = fms(t13, row3, t15) - t15;
      const V t17 = kept2 * gamma_hh_n;
      const V t18 = uh_n - row1;
      const V t19 = row13 * t18;
      const V t20 = fms(t17, row3, t19) - t19;
      const V t21 = kept1 * gamma_hh_z;
      const V t22 = uh_z - row1;
      const V t23 = row13 * t22;
      const V t24 = fms(t21, row3, t23) - t23;
      at.kept(4) = t4;
      at.kept(5) = t8;
      at.kept(6) = t12;
      at.kept(7) = t16;
      at.kept(8) = t20;
      at.kept(9) = t24;
      sum[0] = -(t8 + t4 + t12);
      sum[1] = -(t20 + t16 + t24);
    });
    const V row10 = mean4[0] * 0.3333333333333333;
    const V row14 = mean4[1] * 0.3333333333333333;
    row.each([&](auto at) KEEPGATE_LAMBDA {
      const V kept4 = at.kept(4), kept5 = at.kept(5), kept6 = at.kept(6), kept7 = at.kept(7), kept8 = at.kept(8),
              kept9 = at.kept(9);
      at.d_pre(0) = kept4 + row10;
      at.d_pre(1) = kept6 + row10;
      at.d_pre(2) = kept5 + row10;
      at.d_pre(3) = kept7 + row14;
      at.d_pre(4) = kept9 + row14;
      at.d_pre(5) = kept8 + row14;
    });
  }
};
