"""How annotations are enforced in tests: an int may stand where a float is wanted, as in the language itself."""

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
