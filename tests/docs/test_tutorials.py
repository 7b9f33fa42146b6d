"""A reader who follows a page literally gets what it shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.blocks import DOCS, pages, run

pytest.importorskip("numba")  # the pages show the numbers of the compiled filter


SLOW = {"researcher.md"}  # two virtual trials


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(
            page,
            id=page.relative_to(DOCS).with_suffix("").as_posix(),
            marks=[pytest.mark.slow] if page.name in SLOW else [],
        )
        for page in pages()
    ],
)
def test_page_prints_what_it_shows(page: Path, tmp_path: Path) -> None:
    wrong = [own for own in run(page, tmp_path) if not own.is_as_told]
    assert not wrong, "\n".join(
        f"{own.code}\n--- {page.name} says\n{own.expected}\n--- printed\n{own.printed}" for own in wrong
    )
