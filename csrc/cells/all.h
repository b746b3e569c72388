// GENERATED from keepgate/cells/__init__.py by `python -m keepgate.emit`; change that file, not this one.
#pragma once
#include "rnn_tanh.h"
#include "rnn_relu.h"
#include "lstm.h"
#include "gru.h"
#include "peephole.h"
#include "mingru.h"

#define KEEPGATE_CELLS(X) X(RnnTanh) X(RnnRelu) X(Lstm) X(Gru) X(Peephole) X(Mingru)
