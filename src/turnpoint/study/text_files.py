"""From bytes to text: encodings named, and files that are no text named for what they are."""

from __future__ import annotations

import re
from typing import Final

from turnpoint.study.findings import Findings

_NOT_TEXT: Final = (
    (
        b"PK\x03\x04",
        "an Excel workbook or a zip archive",
        "Save the sheet as CSV UTF-8 in Excel, or run turnpoint map guess",
    ),
    (
        b"\xd0\xcf\x11\xe0",
        "an old Excel workbook",
        "Save the sheet as CSV UTF-8 in Excel, or run turnpoint map guess",
    ),
    (b"%PDF", "a PDF document", "Export the data as CSV"),
    (b"\x1f\x8b", "a gzip archive", "Unpack it first"),
    (b"PAR1", "a Parquet file", "Give its name the ending .parquet"),
    (b"HEADER RECORD*******", "a SAS transport file", "Export the data set as CSV"),
    (b"SQLite format 3", "an SQLite database", "Export the table as CSV"),
)
# Runs of bytes above ASCII, for telling Chinese two-byte text from single accented letters.
_HIGH_RUN: Final = re.compile(rb"[\x80-\xff]+")
# Bytes looked at to recognise UTF-16: about a header line.
_HEAD: Final = 200
_FIRST_CJK: Final = "\N{IDEOGRAPHIC SPACE}"


def decode(data: bytes, file: str, findings: Findings) -> str | None:
    r"""The text of a file, with line ends as `\n` and no byte-order mark; None when it is no text (reported).

    UTF-8, with or without a byte-order mark, and UTF-16 are taken as they are. Anything else is taken as GB 18030
    when it is made of Chinese two-byte characters and as Windows-1252 otherwise, with a warning that says so.
    """
    for magic, what, mend in _NOT_TEXT:
        if data.startswith(magic):
            findings.add(file, f"the file is {what}, not text", f"{mend}.")
            return None
    text = _decode_unicode(data)
    encoding = None
    if text is None:
        text, encoding = _decode_legacy(data)
    if "\x00" in text:
        findings.add(file, "the file is not text (it holds zero bytes)", "Export the table as CSV UTF-8.")
        return None
    if encoding is not None:
        findings.add(
            file,
            f"the file is not UTF-8; it was read as {encoding}",
            "Check accented and other special letters, or save the file as CSV UTF-8.",
            severity="warning",
        )
    # A carriage return alone ends lines only in files that know no line feed (old Macintosh).
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    return text if "\n" in text else text.replace("\r", "\n")


def _decode_unicode(data: bytes) -> str | None:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _decode(data, "utf-16")
    # Without a byte-order mark, ASCII letters of UTF-16 show as every other byte being zero.
    for encoding, zeros in (("utf-16-le", data[1:_HEAD:2]), ("utf-16-be", data[0:_HEAD:2])):
        if zeros and zeros.count(0) > len(zeros) / 2:
            return _decode(data, encoding)
    return _decode(data, "utf-8")


def _decode(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _decode_legacy(data: bytes) -> tuple[str, str]:
    runs = _HIGH_RUN.findall(data)
    if all(len(run) % 2 == 0 for run in runs):
        try:
            text = data.decode("gb18030")
        except UnicodeDecodeError:
            pass
        else:
            if all(letter < "\x80" or letter >= _FIRST_CJK for letter in text):
                return text, "GB 18030 (Chinese)"
    try:
        return data.decode("cp1252"), "Windows-1252 (Western European)"
    except UnicodeDecodeError:
        return data.decode("latin-1"), "Latin-1 (Western European)"
