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
  template <class Row>
  static KEEPGATE_INLINE void forward(const Row& row) {
    using V = typename Row::V;
    V mean1[2];
    row.means(mean1, [&](auto at, V* sum) KEEPGATE_LAMBDA {
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
    const V row1 = mean1[0] * 0.25;
    const V row3 = mean1[1] * 0.25;
    V mean2[2];
    row.means(mean2, [&](auto at, V* sum) KEEPGATE_LAMBDA {
      const V wx_i = at.pre(0), wx_f = at.pre(1), wx_g = at.pre(2), wx_o = at.pre(3), uh_i = at.pre(4), uh_f = at.pre(5),
              uh_g = at.pre(6), uh_o = at.pre(7);
      const V t1 = wx_i - row1;
      const V t2 = wx_f - row1;
      const V t3 = wx_g - row1;
      const V t4 = wx_o - row1;
      const V t5 = uh_i - row3;
      const V t6 = uh_f - row3;
      const V t7 = uh_g - row3;
      const V t8 = uh_o - row3;
      sum[0] = fma(t4, t4, fma(t3, t3, fma(t1, t1, t2 * t2)));
      sum[1] = fma(t8, t8, fma(t7, t7, fma(t5, t5, t6 * t6)));
    });
    const V row2 = 1 / sqrt(fma(mean2[0], 0.25, 1e-05));
    const V row4 = 1 / sqrt(fma(mean2[1], 0.25, 1e-05));
    V mean3[1];
    row.means(mean3, [&](auto at, V* sum) KEEPGATE_LAMBDA {
      const V wx_i = at.pre(0), wx_f = at.pre(1), wx_g = at.pre(2), wx_o = at.pre(3), uh_i = at.pre(4), uh_f = at.pre(5),
              uh_g = at.pre(6), uh_o = at.pre(7);
      const V c_prev = at.prev(1);
      const V gamma_ih_i = at.per_unit(0), gamma_ih_f = at.per_unit(1), gamma_ih_g = at.per_unit(2),
              gamma_ih_o = at.per_unit(3), gamma_hh_i = at.per_unit(4), gamma_hh_f = at.per_unit(5),
              gamma_hh_g = at.per_unit(6), gamma_hh_o = at.per_unit(7), b_i = at.per_unit(8), b_f = at.per_unit(9),
              b_g = at.per_unit(10), b_o = at.per_unit(11);
      const V t1 = wx_i - row1;
      const V t2 = uh_i - row3;
      const V i = sigmoid(fma(gamma_ih_i, t1 * row2, gamma_hh_i * (t2 * row4)) + b_i);
      const V t3 = wx_f - row1;
      const V t4 = uh_f - row3;
      const V f = sigmoid(fma(gamma_ih_f, t3 * row2, gamma_hh_f * (t4 * row4)) + b_f);
      const V t5 = wx_g - row1;
      const V t6 = uh_g - row3;
      const V g = tanh(fma(gamma_ih_g, t5 * row2, gamma_hh_g * (t6 * row4)) + b_g);
      const V t7 = wx_o - row1;
      const V t8 = uh_o - row3;
      const V o = sigmoid(fma(gamma_ih_o, t7 * row2, gamma_hh_o * (t8 * row4)) + b_o);
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
    V mean4[1];
    row.means(mean4, [&](auto at, V* sum) KEEPGATE_LAMBDA {
      const V c = at.kept(1);
      const V t1 = fnma(mean3[0], 1, c);
      sum[0] = t1 * t1;
    });
    const V row5 = 1 / sqrt(fma(mean4[0], 1, 1e-05));
    row.each([&](auto at) KEEPGATE_LAMBDA {
      const V gamma_c = at.per_unit(12), beta_c = at.per_unit(13);
      const V o = at.kept(0), c = at.kept(1);
      const V t1 = fnma(mean3[0], 1, c);
      const V n = fma(gamma_c, t1 * row5, beta_c);
      at.saved(4) = n;
      at.next(0) = o * tanh(n);
    });
  }

  // gradients of h, c  ->  of wx_i, wx_f, wx_g, wx_o, uh_i, uh_f, uh_g, uh_o; of h_prev, c_prev beside uh; of
  // gamma_ih_i, gamma_ih_f, gamma_ih_g, gamma_ih_o, gamma_hh_i, gamma_hh_f, gamma_hh_g, gamma_hh_o, b_i, b_f, b_g, b_o,
  // gamma_c, beta_c
  static constexpr int backward_keeps = 16;  // numbers of each unit, of one loop for later ones
  template <class Row>
  static KEEPGATE_INLINE void backward(const Row& row) {
    using V = typename Row::V;
    V mean1[3];
    row.means(mean1, [&](auto at, V* sum) KEEPGATE_LAMBDA {
      const V o = at.saved(3), n = at.saved(4), wx_i = at.saved(5), wx_f = at.saved(6), wx_g = at.saved(7),
              wx_o = at.saved(8), uh_i = at.saved(9), uh_f = at.saved(10), uh_g = at.saved(11), uh_o = at.saved(12);
      const V c = at.next(1);
      const V d_h = at.d_next(0);
      const V tanh_n = tanh(n);
      const V t1 = d_h * tanh_n * (o * (1 - o));
      const V t2 = d_h * o;
      at.d_prev(0) = 0;
      at.d_per_unit(11) = t1;
      at.d_per_unit(13) = t2 * fnma(tanh_n, tanh_n, 1);
      at.kept(0) = t2;
      at.kept(1) = tanh_n;
      at.kept(2) = t1;
      sum[0] = c;
      sum[1] = wx_i + wx_f + wx_g + wx_o;
      sum[2] = uh_i + uh_f + uh_g + uh_o;
    });
    const V row4 = mean1[1] * 0.25;
    const V row11 = mean1[2] * 0.25;
    V mean2[4];
    row.means(mean2, [&](auto at, V* sum) KEEPGATE_LAMBDA {
      const V wx_i = at.saved(5), wx_f = at.saved(6), wx_g = at.saved(7), wx_o = at.saved(8), uh_i = at.saved(9),
              uh_f = at.saved(10), uh_g = at.saved(11), uh_o = at.saved(12);
      const V c = at.next(1);
      const V gamma_c = at.per_unit(12);
      const V kept0 = at.kept(0), kept1 = at.kept(1);
      const V t1 = kept0 * fnma(kept1, kept1, 1);
      const V t2 = t1 * gamma_c;
      const V t3 = fnma(mean1[0], 1, c);
      const V t4 = wx_i - row4;
      const V t5 = wx_f - row4;
      const V t6 = wx_g - row4;
      const V t7 = wx_o - row4;
      const V t8 = uh_i - row11;
      const V t9 = uh_f - row11;
      const V t10 = uh_g - row11;
      const V t11 = uh_o - row11;
      at.kept(3) = t2;
      sum[0] = t3 * t3;
      sum[1] = t2 * t3;
      sum[2] = fma(t7, t7, fma(t6, t6, fma(t4, t4, t5 * t5)));
      sum[3] = fma(t11, t11, fma(t10, t10, fma(t8, t8, t9 * t9)));
    });
    const V row1 = sqrt(fma(mean2[0], 1, 1e-05));
    const V row2 = 1 / row1;
    const V row3 = mean2[1] * (row2 / row1) / (2 * row1);
    const V row5 = sqrt(fma(mean2[2], 0.25, 1e-05));
    const V row6 = 1 / row5;
    const V row7 = row6 / row5;
    const V row8 = 2 * row5;
    const V row12 = sqrt(fma(mean2[3], 0.25, 1e-05));
    const V row13 = 1 / row12;
    const V row14 = row13 / row12;
    const V row15 = 2 * row12;
    V mean3[1];
    row.means(mean3, [&](auto at, V* sum) KEEPGATE_LAMBDA {
      const V wx_o = at.saved(8), uh_o = at.saved(12);
      const V c = at.next(1);
      const V kept0 = at.kept(0), kept1 = at.kept(1), kept2 = at.kept(2), kept3 = at.kept(3);
      const V t1 = wx_o - row4;
      const V t2 = uh_o - row11;
      const V t3 = kept0 * fnma(kept1, kept1, 1);
      const V t4 = fnma(mean1[0], 1, c);
      const V t5 = row3 * t4;
      const V t6 = fms(kept3, row2, t5) - t5;
      at.d_per_unit(3) = kept2 * (t1 * row6);
      at.d_per_unit(7) = kept2 * (t2 * row13);
      at.d_per_unit(12) = t3 * (t4 * row2);
      at.kept(4) = t6;
      sum[0] = -t6;
    });
    V mean4[2];
    row.means(mean4, [&](auto at, V* sum) KEEPGATE_LAMBDA {
      const V i = at.saved(0), f = at.saved(1), g = at.saved(2), wx_i = at.saved(5), wx_f = at.saved(6),
              wx_g = at.saved(7), wx_o = at.saved(8), uh_i = at.saved(9), uh_f = at.saved(10), uh_g = at.saved(11),
              uh_o = at.saved(12);
      const V c_prev = at.prev(1);
      const V gamma_ih_i = at.per_unit(0), gamma_ih_f = at.per_unit(1), gamma_ih_g = at.per_unit(2),
              gamma_ih_o = at.per_unit(3), gamma_hh_i = at.per_unit(4), gamma_hh_f = at.per_unit(5),
              gamma_hh_g = at.per_unit(6), gamma_hh_o = at.per_unit(7);
      const V d_c = at.d_next(1);
      const V kept2 = at.kept(2), kept4 = at.kept(4);
      const V t1 = d_c + kept4 + mean3[0];
      const V t2 = t1 * g * (i * (1 - i));
      const V t3 = wx_i - row4;
      const V t4 = t1 * c_prev * (f * (1 - f));
      const V t5 = wx_f - row4;
      const V t6 = t1 * i * fnma(g, g, 1);
      const V t7 = wx_g - row4;
      const V t8 = uh_i - row11;
      const V t9 = uh_f - row11;
      const V t10 = uh_g - row11;
      const V t11 = t6 * gamma_ih_g;
      const V t12 = t2 * gamma_ih_i;
      const V t13 = t4 * gamma_ih_f;
      const V t14 = kept2 * gamma_ih_o;
      const V t15 = wx_o - row4;
      const V t16 = t6 * gamma_hh_g;
      const V t17 = t2 * gamma_hh_i;
      const V t18 = t4 * gamma_hh_f;
      const V t19 = kept2 * gamma_hh_o;
      const V t20 = uh_o - row11;
      at.d_prev(1) = t1 * f;
      at.d_per_unit(0) = t2 * (t3 * row6);
      at.d_per_unit(1) = t4 * (t5 * row6);
      at.d_per_unit(2) = t6 * (t7 * row6);
      at.d_per_unit(4) = t2 * (t8 * row13);
      at.d_per_unit(5) = t4 * (t9 * row13);
      at.d_per_unit(6) = t6 * (t10 * row13);
      at.d_per_unit(8) = t2;
      at.d_per_unit(9) = t4;
      at.d_per_unit(10) = t6;
      at.kept(5) = t2;
      at.kept(6) = t6;
      at.kept(7) = t4;
      sum[0] = fma(t14, t15, fma(t13, t5, fma(t11, t7, t12 * t3)));
      sum[1] = fma(t19, t20, fma(t18, t9, fma(t16, t10, t17 * t8)));
    });
    const V row9 = mean4[0] * row7 / row8 * 0.25;
    const V row16 = mean4[1] * row14 / row15 * 0.25;
    V mean5[2];
    row.means(mean5, [&](auto at, V* sum) KEEPGATE_LAMBDA {
      const V wx_i = at.saved(5), wx_f = at.saved(6), wx_g = at.saved(7), wx_o = at.saved(8), uh_i = at.saved(9),
              uh_f = at.saved(10), uh_g = at.saved(11), uh_o = at.saved(12);
      const V gamma_ih_i = at.per_unit(0), gamma_ih_f = at.per_unit(1), gamma_ih_g = at.per_unit(2),
              gamma_ih_o = at.per_unit(3), gamma_hh_i = at.per_unit(4), gamma_hh_f = at.per_unit(5),
              gamma_hh_g = at.per_unit(6), gamma_hh_o = at.per_unit(7);
      const V kept2 = at.kept(2), kept5 = at.kept(5), kept6 = at.kept(6), kept7 = at.kept(7);
      const V t1 = kept5 * gamma_ih_i;
      const V t2 = wx_i - row4;
      const V t3 = row9 * t2;
      const V t4 = fms(t1, row6, t3) - t3;
      const V t5 = kept6 * gamma_ih_g;
      const V t6 = wx_g - row4;
      const V t7 = row9 * t6;
      const V t8 = fms(t5, row6, t7) - t7;
      const V t9 = kept7 * gamma_ih_f;
      const V t10 = wx_f - row4;
      const V t11 = row9 * t10;
      const V t12 = fms(t9, row6, t11) - t11;
      const V t13 = kept2 * gamma_ih_o;
      const V t14 = wx_o - row4;
      const V t15 = row9 * t14;
      const V t16 = fms(t13, row6, t15) - t15;
      const V t17 = kept5 * gamma_hh_i;
      const V t18 = uh_i - row11;
      const V t19 = row16 * t18;
      const V t20 = fms(t17, row13, t19) - t19;
      const V t21 = kept6 * gamma_hh_g;
      const V t22 = uh_g - row11;
      const V t23 = row16 * t22;
      const V t24 = fms(t21, row13, t23) - t23;
      const V t25 = kept7 * gamma_hh_f;
      const V t26 = uh_f - row11;
      const V t27 = row16 * t26;
      const V t28 = fms(t25, row13, t27) - t27;
      const V t29 = kept2 * gamma_hh_o;
      const V t30 = uh_o - row11;
      const V t31 = row16 * t30;
      const V t32 = fms(t29, row13, t31) - t31;
      at.kept(8) = t4;
      at.kept(9) = t8;
      at.kept(10) = t12;
      at.kept(11) = t16;
      at.kept(12) = t20;
      at.kept(13) = t24;
      at.kept(14) = t28;
      at.kept(15) = t32;
      sum[0] = -(t8 + t12 + t4 + t16);
      sum[1] = -(t24 + t28 + t20 + t32);
    });
    const V row10 = mean5[0] * 0.25;
    const V row17 = mean5[1] * 0.25;
    row.each([&](auto at) KEEPGATE_LAMBDA {
      const V kept8 = at.kept(8), kept9 = at.kept(9), kept10 = at.kept(10), kept11 = at.kept(11), kept12 = at.kept(12),
              kept13 = at.kept(13), kept14 = at.kept(14), kept15 = at.kept(15);
      at.d_pre(0) = kept8 + row10;
      at.d_pre(1) = kept10 + row10;
      at.d_pre(2) = kept9 + row10;
      at.d_pre(3) = kept11 + row10;
      at.d_pre(4) = kept12 + row17;
      at.d_pre(5) = kept14 + row17;
      at.d_pre(6) = kept13 + row17;
      at.d_pre(7) = kept15 + row17;
    });
  }
};
