"""Gradients by state in shorter checkpointing blocks than a test's few steps would fill."""

from keepgate.kernels import state_backward


def in_blocks(monkeypatch, steps: int) -> None:
    """Makes `state_gradients` cut every call into blocks of so many steps."""
    monkeypatch.setattr(
        state_backward, "saved_bytes_per_step", lambda _: state_backward.MAX_SAVED_BYTES // steps
    )
    monkeypatch.setattr(state_backward, "MAX_REFERENCE_STEPS", steps)
