"""What a server makes ready beforehand leaves nothing behind but what the next picture needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from turnpoint.workflows.warm_up import warm_up


def test_warm_up_says_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    warm_up()
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")
