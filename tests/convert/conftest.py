"""Keras on its torch backend, which is chosen before it is first imported."""

import os

os.environ.setdefault("KERAS_BACKEND", "torch")
