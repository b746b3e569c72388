"""keepgate site: the folder that it writes, and what it refuses."""

from pathlib import Path

import pytest

from tests.cli.conftest import Keepgate


def test_it_names_the_page_that_it_wrote(keepgate: Keepgate, tmp_path: Path) -> None:
    ran = keepgate("site", tmp_path / "site")
    assert ran.code == 0
    assert ran.out.strip() == str(tmp_path / "site" / "index.html")
    assert Path(ran.out.strip()).is_file()
    assert keepgate("site", tmp_path / "site").code == 0  # again, over the older one


@pytest.mark.parametrize("name", ["index.html", "page.css"])
def test_it_leaves_a_folder_of_other_things_alone(name: str, keepgate: Keepgate, tmp_path: Path) -> None:
    (tmp_path / name).write_text("mine")
    ran = keepgate("site", tmp_path)
    assert ran.code == 3
    assert str(tmp_path) in ran.err
    assert (tmp_path / name).read_text() == "mine"
