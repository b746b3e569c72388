"""Lazy packages: their names are imported when they are first asked for, so that what needs no torch loads none."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from .errors import PackageMissing

# What each extra of keepgate brings, of what keepgate imports by itself.
_EXTRAS = {
    "torch": ("torch", "jaxtyping", "tomli_w", "jinja2", "markupsafe"),
    "cli": ("cyclopts", "rich"),
    "tokenizers": ("tokenizers",),
}


def lazy_exports(
    package: str, modules: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """A package's `__getattr__` and `__dir__`. modules: the names that each of its modules has.

    Where torch is not installed, asking for a name that needs it raises PackageMissing, which says what to install.
    """
    homes = {name: module for module, names in modules.items() for name in names}

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            return getattr(import_module(f"{package}.{homes[name]}"), name)
        except ModuleNotFoundError as missing:
            raise missing_package(f"{package}.{name}", missing) from missing

    return get, lambda: sorted(homes)


def missing_package(what: str, missing: ModuleNotFoundError) -> ModuleNotFoundError:
    """PackageMissing for a module that one of keepgate's extras brings; the error itself for any other."""
    package = (missing.name or "").partition(".")[0]
    extra = next((extra for extra, packages in _EXTRAS.items() if package in packages), None)
    if extra is None:
        return missing
    return PackageMissing(
        f"{what} needs {missing.name}, which is not installed; run: pip install 'keepgate[{extra}]'",
        name=missing.name,
    )
