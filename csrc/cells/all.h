// GENERATED from keepgate/cells/__init__.py by `python -m keepgate.emit`; change that file, not this one.
#pragma once
#include "rnn_tanh.h"
#include "rnn_relu.h"
#include "lstm.h"
#include "gru.h"
#include "peephole.h"
#include "mingru.h"
#include "lstm_keep_output_keep_memory.h"
#include "lstm_keep_memory.h"
#include "lstm_dropout_mask.h"
#include "gru_keep_output.h"
#include "gru_dropout_mask.h"
#include "layer_norm_lstm.h"
#include "layer_norm_gru.h"

#define KEEPGATE_CELLS(X) \
  X(RnnTanh) \
  X(RnnRelu) \
  X(Lstm) \
  X(Gru) \
  X(Peephole) \
  X(Mingru) \
  X(LstmKeepOutputKeepMemory) \
  X(LstmKeepMemory) \
  X(LstmDropoutMask) \
  X(GruKeepOutput) \
  X(GruDropoutMask)

#define KEEPGATE_ROW_CELLS(X) \
  X(LayerNormLstm) \
  X(LayerNormGru)
