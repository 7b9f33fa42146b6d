from pathlib import Path

from turnpoint.study.schema import as_markdown


def test_documented_study_folder_is_the_declared_schema():
    page = (Path(__file__).parents[2] / "docs" / "study-folder.md").read_text(encoding="utf-8")
    assert page.endswith(as_markdown().rstrip() + "\n")
