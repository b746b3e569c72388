// GENERATED from keepgate/cells/layer_norm_lstm.py by `python -m keepgate.emit`; change that file, not this one.
#pragma once

// LSTM with layer normalisation: Ba, Kiros & Hinton (2016), arXiv:1607.06450, equations 20 to 22.
struct LayerNormLstm {
  static constexpr const char* name = "layer_norm_lstm";
  static constexpr int gates = 4;     // i f g o
  static constexpr int states = 2;    // h c
  static constexpr int vectors = 14;  // gamma_ih_i gamma_ih_f gamma_ih_g gamma_ih_o gamma_hh_i gamma_hh_f gamma_hh_g gamma_hh_o b_i b_f b_g b_o gamma_c beta_c
  static constexpr int unit_inputs = 0;
  static constexpr int saved = 13;                      // i f g o n wx_i wx_f wx_g wx_o uh_i uh_f uh_g uh_o
  static constexpr int split = 4;                       // gates whose wx and uh do more than add up
  static constexpr int wx_gates[gates] = {0, 1, 2, 3};  // i f g o
  static constexpr int uh_gates[gates] = {0, 1, 2, 3};  // i f g o
  static constexpr bool dense = true;                   // whether uh is a product with the output before
  static constexpr bool bias_hh = true;                 // whether uh has a bias
  static constexpr int recurrent_state = 0;             // uh is made of h_prev
  static constexpr bool reads[states] = {false, true};  // which states before it a step reads itself, beside uh

  // wx_i, wx_f, wx_g, wx_o, uh_i, uh_f, uh_g, uh_o  ->  h, c; i, f, g, o, n, wx_i, wx_f, wx_g, wx_o, uh_i, uh_f, uh_g, uh_o
  static constexpr int forward_keeps = 2;  // numbers of each unit, of one loop for later ones
  template <class Rows>
  static KEEPGATE_INLINE void forward(const Rows& rows) {
    using V = typename Rows::V;
    typename Rows::Numbers mean1[2];
    rows.means(mean1, [&](auto at, V* sum) KEEPGATE_LAMBDA {
      const V wx_i = at.pre(0), wx_f = at.pre(1), wx_g = at.pre(2), wx_o = at.pre(3), uh_i = at.pre(4), uh_f = at.pre(5),
              uh_g = at.pre(6), uh_o = at.pre(7);
      at.saved(5) = wx_i;
      at.saved(6) = wx_f;
      at.saved(7) = wx_g;
      at.saved(8) = wx_o;
      at.saved(9) = uh_i;
      at.saved(10) = uh_f;
      at.saved(11) = uh_g;
      at.saved(12) = uh_o;
      sum[0] = wx_i + wx_f + wx_g + wx_o;
      sum[1] = uh_i + uh_f + uh_g + uh_o;
    });
    const auto row1 = rows.numbers([&](long r) KEEPGATE_LAMBDA { return mean1[0][r] * 0.25; });
    const auto row3 = rows.numbers([&](long r) KEEPGATE_LAMBDA { return mean1[1][r] * 0.25; });
    typename Rows::Numbers mean2[2];
    rows.means(mean2, [&](auto at, V* sum) KEEPGATE_LAMBDA {
      const V wx_i = at.pre(0), wx_f = at.pre(1), wx_g = at.pre(2), wx_o = at.pre(3), uh_i = at.pre(4), uh_f = at.pre(5),
              uh_g = at.pre(6), uh_o = at.pre(7);
      const V t1 = wx_i - row1[at];
      const V t2 = wx_f - row1[at];
      const V t3 = wx_g - row1[at];
      const V t4 = wx_o - row1[at];
      const V t5 = uh_i - row3[at];
      const V t6 = uh_f - row3[at];
      const V t7 = uh_g - row3[at];
      const V t8 = uh_o - row3[at];
      sum[0] = fma(t4, t4, fma(t3, t3, fma(t1, t1, t2 * t2)));
      sum[1] = fma(t8, t8, fma(t7, t7, fma(t5, t5, t6 * t6)));
    });
    const auto row2 = rows.numbers([&](long r) KEEPGATE_LAMBDA { return 1 / sqrt(fma(mean2[0][r], 0.25, 1e-05)); });
    const auto row4 = rows.numbers([&](long r) KEEPGATE_LAMBDA { return 1 / sqrt(fma(mean2[1][r], 0.25, 1e-05)); });
    typename Rows::Numbers mean3[1];
    rows.means(mean3, [&](auto at, V* sum) KEEPGATE_LAMBDA {
      const V wx_i = at.pre(0), wx_f = at.pre(1), wx_g = at.pre(2), wx_o = at.pre(3), uh_i = at.pre(4), uh_f = at.pre(5),
              uh_g = at.pre(6), uh_o = at.pre(7);
      const V c_prev = at.prev(1);
      const V gamma_ih_i = at.per_unit(0), gamma_ih_f = at.per_unit(1), gamma_ih_g = at.per_unit(2),
              gamma_ih_o = at.per_unit(3), gamma_hh_i = at.per_unit(4), gamma_hh_f = at.per_unit(5),
              gamma_hh_g = at.per_unit(6), gamma_hh_o = at.per_unit(7), b_i = at.per_unit(8), b_f = at.per_unit(9),
              b_g = at.per_unit(10), b_o = at.per_unit(11);
      const V t1 = wx_i - row1[at];
      const V t2 = uh_i - row3[at];
      const V i = sigmoid(fma(gamma_ih_i, t1 * row2[at], gamma_hh_i * (t2 * row4[at])) + b_i);
      const V t3 = wx_f - row1[at];
      const V t4 = uh_f - row3[at];
      const V f = sigmoid(fma(gamma_ih_f, t3 * row2[at], gamma_hh_f * (t4 * row4[at])) + b_f);
      const V t5 = wx_g - row1[at];
      const V t6 = uh_g - row3[at];
      const V g = tanh(fma(gamma_ih_g, t5 * row2[at], gamma_hh_g * (t6 * row4[at])) + b_g);
      const V t7 = wx_o - row1[at];
      const V t8 = uh_o - row3[at];
      const V o = sigmoid(fma(gamma_ih_o, t7 * row2[at], gamma_hh_o * (t8 * row4[at])) + b_o);
      const V c = fma(f, c_prev, i * g);
      at.saved(0) = i;
      at.saved(1) = f;
      at.saved(2) = g;
      at.saved(3) = o;
      at.next(1) = c;
      at.kept(0) = o;
      at.kept(1) = c;
      sum[0] = c;
    });
    typename Rows::Numbers mean4[1];
    rows.means(mean4, [&](auto at, V* sum) KEEPGATE_LAMBDA {
      const V c = at.kept(1);
      const V t1 = fnma(mean3[0][at], 1, c);
      sum[0] = t1 * t1;
    });
    const auto row5 = rows.numbers([&](long r) KEEPGATE_LAMBDA { return 1 / sqrt(fma(mean4[0][r], 1, 1e-05)); });
    rows.each([&](auto at) KEEPGATE_LAMBDA {
      const V gamma_c = at.per_unit(12), beta_c = at.per_unit(13);
      const V o = at.kept(0), c = at.kept(1);
      const V t1 = fnma(mean3[0][at], 1, c);
      const V n = fma(gamma_c, t1 * row5[at], beta_c);
      at.saved(4) = n;
      at.next(0) = o * tanh(n);
    });
  }

  // gradients of h, c  ->  of wx_i, wx_f, wx_g, wx_o, uh_i, uh_f, uh_g, uh_o; of h_prev, c_prev beside uh; of
  // gamma_ih_i, gamma_ih_f, gamma_ih_g, gamma_ih_o, gamma_hh_i, gamma_hh_f, gamma_hh_g, gamma_hh_o, b_i, b_f, b_g, b_o,
  // gamma_c, beta_c
  static constexpr int backward_keeps = 7;  // numbers of each unit, of one loop for later ones
  template <class Rows>
  static KEEPGATE_INLINE void backward(const Rows& rows) {
    using V = typename Rows::V;
    typename Rows::Numbers mean1[4];
    rows.means(mean1, [&](auto at, V* sum) KEEPGATE_LAMBDA {
      const V o = at.saved(3), n = at.saved(4), wx_i = at.saved(5), wx_f = at.saved(6), wx_g = at.saved(7),
              wx_o = at.saved(8), uh_i = at.saved(9), uh_f = at.saved(10), uh_g = at.saved(11), uh_o = at.saved(12);
      const V c = at.next(1);
      const V gamma_c = at.per_unit(12);
      const V d_h = at.d_next(0);
      const V tanh_n = tanh(n);
      const V t1 = d_h * tanh_n * (o * (1 - o));
      const V t2 = d_h * o;
      const V t3 = t2 * fnma(tanh_n, tanh_n, 1);
      const V t4 = t3 * gamma_c;
      at.d_prev(0) = 0;
      at.d_per_unit(11) = t1;
      at.d_per_unit(13) = t3;
      at.kept(0) = t2;
      at.kept(1) = tanh_n;
      at.kept(2) = t4;
      at.kept(3) = t1;
      sum[0] = c;
      sum[1] = -t4;
      sum[2] = wx_i + wx_f + wx_g + wx_o;
      sum[3] = uh_i + uh_f + uh_g + uh_o;
    });
    const auto row4 = rows.numbers([&](long r) KEEPGATE_LAMBDA { return mean1[2][r] * 0.25; });
    const auto row10 = rows.numbers([&](long r) KEEPGATE_LAMBDA { return mean1[3][r] * 0.25; });
    typename Rows::Numbers mean2[4];
    rows.means(mean2, [&](auto at, V* sum) KEEPGATE_LAMBDA {
      const V wx_i = at.saved(5), wx_f = at.saved(6), wx_g = at.saved(7), wx_o = at.saved(8), uh_i = at.saved(9),
              uh_f = at.saved(10), uh_g = at.saved(11), uh_o = at.saved(12);
      const V c = at.next(1);
      const V kept2 = at.kept(2);
      const V t1 = fnma(mean1[0][at], 1, c);
      const V t2 = wx_i - row4[at];
      const V t3 = wx_f - row4[at];
      const V t4 = wx_g - row4[at];
      const V t5 = wx_o - row4[at];
      const V t6 = uh_i - row10[at];
      const V t7 = uh_f - row10[at];
      const V t8 = uh_g - row10[at];
      const V t9 = uh_o - row10[at];
      sum[0] = t1 * t1;
      sum[1] = kept2 * t1;
      sum[2] = fma(t5, t5, fma(t4, t4, fma(t2, t2, t3 * t3)));
      sum[3] = fma(t9, t9, fma(t8, t8, fma(t6, t6, t7 * t7)));
    });
    const auto row1 = rows.numbers([&](long r) KEEPGATE_LAMBDA { return 1 / sqrt(fma(mean2[0][r], 1, 1e-05)); });
    const auto row2 = rows.numbers([&](long r) KEEPGATE_LAMBDA { return mean2[1][r] * (0.5 * (row1[r] * row1[r] * row1[r])); });
    const auto row3 = rows.numbers([&](long r) KEEPGATE_LAMBDA { return row2[r] + row2[r]; });
    const auto row5 = rows.numbers([&](long r) KEEPGATE_LAMBDA { return 1 / sqrt(fma(mean2[2][r], 0.25, 1e-05)); });
    const auto row6 = rows.numbers([&](long r) KEEPGATE_LAMBDA { return 0.5 * (row5[r] * row5[r] * row5[r]); });
    const auto row11 = rows.numbers([&](long r) KEEPGATE_LAMBDA { return 1 / sqrt(fma(mean2[3][r], 0.25, 1e-05)); });
    const auto row12 = rows.numbers([&](long r) KEEPGATE_LAMBDA { return 0.5 * (row11[r] * row11[r] * row11[r]); });
    typename Rows::Numbers mean3[4];
    rows.means(mean3, [&](auto at, V* sum) KEEPGATE_LAMBDA {
      const V i = at.saved(0), f = at.saved(1), g = at.saved(2), wx_i = at.saved(5), wx_f = at.saved(6),
              wx_g = at.saved(7), wx_o = at.saved(8), uh_i = at.saved(9), uh_f = at.saved(10), uh_g = at.saved(11),
              uh_o = at.saved(12);
      const V c_prev = at.prev(1);
      const V c = at.next(1);
      const V gamma_ih_i = at.per_unit(0), gamma_ih_f = at.per_unit(1), gamma_ih_g = at.per_unit(2),
              gamma_ih_o = at.per_unit(3), gamma_hh_i = at.per_unit(4), gamma_hh_f = at.per_unit(5),
              gamma_hh_g = at.per_unit(6), gamma_hh_o = at.per_unit(7);
      const V d_c = at.d_next(1);
      const V kept0 = at.kept(0), kept1 = at.kept(1), kept2 = at.kept(2), kept3 = at.kept(3);
      const V t1 = fnma(mean1[0][at], 1, c);
      const V t2 = fma(row1[at], mean1[1][at], d_c + fms(kept2, row1[at], row3[at] * t1));
      const V t3 = t2 * g * (i * (1 - i));
      const V t4 = wx_i - row4[at];
      const V t5 = t2 * c_prev * (f * (1 - f));
      const V t6 = wx_f - row4[at];
      const V t7 = t2 * i * fnma(g, g, 1);
      const V t8 = wx_g - row4[at];
      const V t9 = wx_o - row4[at];
      const V t10 = uh_i - row10[at];
      const V t11 = uh_f - row10[at];
      const V t12 = uh_g - row10[at];
      const V t13 = uh_o - row10[at];
      const V t14 = kept0 * fnma(kept1, kept1, 1);
      const V t15 = t7 * gamma_ih_g;
      const V t16 = t3 * gamma_ih_i;
      const V t17 = t5 * gamma_ih_f;
      const V t18 = kept3 * gamma_ih_o;
      const V t19 = t7 * gamma_hh_g;
      const V t20 = t3 * gamma_hh_i;
      const V t21 = t5 * gamma_hh_f;
      const V t22 = kept3 * gamma_hh_o;
      at.d_prev(1) = t2 * f;
      at.d_per_unit(0) = t3 * (t4 * row5[at]);
      at.d_per_unit(1) = t5 * (t6 * row5[at]);
      at.d_per_unit(2) = t7 * (t8 * row5[at]);
      at.d_per_unit(3) = kept3 * (t9 * row5[at]);
      at.d_per_unit(4) = t3 * (t10 * row11[at]);
      at.d_per_unit(5) = t5 * (t11 * row11[at]);
      at.d_per_unit(6) = t7 * (t12 * row11[at]);
      at.d_per_unit(7) = kept3 * (t13 * row11[at]);
      at.d_per_unit(8) = t3;
      at.d_per_unit(9) = t5;
      at.d_per_unit(10) = t7;
      at.d_per_unit(12) = t14 * (t1 * row1[at]);
      at.kept(4) = t3;
      at.kept(5) = t7;
      at.kept(6) = t5;
      sum[0] = fma(t18, t9, fma(t17, t6, fma(t15, t8, t16 * t4)));
      sum[1] = -(t15 + t17 + t16 + t18);
      sum[2] = fma(t22, t13, fma(t21, t11, fma(t19, t12, t20 * t10)));
      sum[3] = -(t19 + t21 + t20 + t22);
    });
    const auto row7 = rows.numbers([&](long r) KEEPGATE_LAMBDA { return mean3[0][r] * row6[r] * 0.25; });
    const auto row8 = rows.numbers([&](long r) KEEPGATE_LAMBDA { return row7[r] + row7[r]; });
    const auto row9 = rows.numbers([&](long r) KEEPGATE_LAMBDA { return row5[r] * mean3[1][r] * 0.25; });
    const auto row13 = rows.numbers([&](long r) KEEPGATE_LAMBDA { return mean3[2][r] * row12[r] * 0.25; });
    const auto row14 = rows.numbers([&](long r) KEEPGATE_LAMBDA { return row13[r] + row13[r]; });
    const auto row15 = rows.numbers([&](long r) KEEPGATE_LAMBDA { return row11[r] * mean3[3][r] * 0.25; });
    rows.each([&](auto at) KEEPGATE_LAMBDA {
      const V wx_i = at.saved(5), wx_f = at.saved(6), wx_g = at.saved(7), wx_o = at.saved(8), uh_i = at.saved(9),
              uh_f = at.saved(10), uh_g = at.saved(11), uh_o = at.saved(12);
      const V gamma_ih_i = at.per_unit(0), gamma_ih_f = at.per_unit(1), gamma_ih_g = at.per_unit(2),
              gamma_ih_o = at.per_unit(3), gamma_hh_i = at.per_unit(4), gamma_hh_f = at.per_unit(5),
              gamma_hh_g = at.per_unit(6), gamma_hh_o = at.per_unit(7);
      const V kept3 = at.kept(3), kept4 = at.kept(4), kept5 = at.kept(5), kept6 = at.kept(6);
      const V t1 = kept4 * gamma_ih_i;
      const V t2 = wx_i - row4[at];
      const V t3 = kept6 * gamma_ih_f;
      const V t4 = wx_f - row4[at];
      const V t5 = kept5 * gamma_ih_g;
      const V t6 = wx_g - row4[at];
      const V t7 = kept3 * gamma_ih_o;
      const V t8 = wx_o - row4[at];
      const V t9 = kept4 * gamma_hh_i;
      const V t10 = uh_i - row10[at];
      const V t11 = kept6 * gamma_hh_f;
      const V t12 = uh_f - row10[at];
      const V t13 = kept5 * gamma_hh_g;
      const V t14 = uh_g - row10[at];
      const V t15 = kept3 * gamma_hh_o;
      const V t16 = uh_o - row10[at];
      at.d_pre(0) = fms(t1, row5[at], row8[at] * t2) + row9[at];
      at.d_pre(1) = fms(t3, row5[at], row8[at] * t4) + row9[at];
      at.d_pre(2) = fms(t5, row5[at], row8[at] * t6) + row9[at];
      at.d_pre(3) = fms(t7, row5[at], row8[at] * t8) + row9[at];
      at.d_pre(4) = fms(t9, row11[at], row14[at] * t10) + row15[at];
      at.d_pre(5) = fms(t11, row11[at], row14[at] * t12) + row15[at];
      at.d_pre(6) = fms(t13, row11[at], row14[at] * t14) + row15[at];
      at.d_pre(7) = fms(t15, row11[at], row14[at] * t16) + row15[at];
    });
  }
};
