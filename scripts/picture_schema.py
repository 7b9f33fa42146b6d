"""Write docs/picture.schema.json anew: `python scripts/picture_schema.py`."""

from __future__ import annotations

from pathlib import Path

from turnpoint.pictures.document import schema_text

if __name__ == "__main__":
    (Path(__file__).parents[1] / "docs" / "picture.schema.json").write_text(schema_text(), encoding="utf-8")
