"""Message catalog of the report, words.toml, in each language."""

from ...wording import Catalog

_CATALOG = Catalog("keepgate.demo.report")
table, render, paragraph = _CATALOG.table, _CATALOG.render, _CATALOG.paragraph
