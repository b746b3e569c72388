"""Request bodies of the page for series."""

import hashlib
from typing import Annotated

from pydantic import Field

from ..request_models import Body, Changes, Index, ModelId, Place, Text


class WindowRequest(Body):
    """One series of a table, as a model reads it.

    table: the text of a table; None is the file with which the page was started. series: its number in the table.
    end:   the step before which the window ends; None is after the last. Only a forecaster has windows.
    target, ahead: of a forecast, the number that is explained: of which target, so many steps ahead.
    """

    model: ModelId
    table: Text | None = None
    series: Index = 0
    end: Index | None = None
    target: Index = 0
    ahead: Annotated[int, Field(ge=1, le=10_000_000)] = 1

    @property
    def key(self) -> tuple[object, ...]:
        """What tells its reading from others."""
        table = None if self.table is None else hashlib.sha256(self.table.encode()).digest()
        return self.model, table, self.series, self.end, self.target, self.ahead


class WindowLayerRequest(WindowRequest, Place):
    """One layer and direction."""


class WindowStepRequest(WindowLayerRequest):
    """One step of a layer and direction, or a segment of steps that is read at once."""

    token: Index


class WindowChangesRequest(WindowRequest, Changes):
    """A window with some changes."""
