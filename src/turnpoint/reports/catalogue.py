"""The languages a report can speak: catalogues of translations, read from their .po files when first needed.

A .po file is text that people edit and review; it is compiled in memory, so there is no build step and no binary
file to keep in step with it. `scripts/catalogue.py` collects the strings.
"""

from __future__ import annotations

from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from importlib.resources.abc import Traversable
from io import BytesIO

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from turnpoint.charts.language import Language
from turnpoint.errors import UsageError

DOMAIN = "turnpoint"
# folder of the catalogue, BCP 47 tag of the page, locale of numbers and dates
_LANGUAGES = {"en": ("en", "en", "en_GB"), "zh": ("zh_Hans", "zh-Hans", "zh_Hans_CN")}
_OF_THE_CODE = "en"  # its catalogue only repeats the messages, for those who edit them
_ALIASES = {
    "en": "en",
    "en-gb": "en",
    "en-us": "en",
    "zh": "zh",
    "zh-cn": "zh",
    "zh-sg": "zh",
    "zh-hans": "zh",
    "zh-hans-cn": "zh",
}


def language(name: str) -> Language:
    """The language of a report.

    Args:
        name: `en` or `zh`, or a tag that means one of them (`en_GB`, `zh-Hans`, `zh_CN`).

    Returns:
        Its messages and formats.

    Raises:
        UsageError: no catalogue for it.
    """
    code = _ALIASES.get(name.strip().lower().replace("_", "-"))
    if code is None:
        known = ", ".join(_LANGUAGES)
        raise UsageError(f"lang={name!r}: not a language of the reports. Use one of {known}.")
    return _loaded(code)


@cache
def texts_of(code: str, domain: str) -> dict[str, str]:
    """Every text of a further catalogue of one language, by its English."""
    with _file(_LANGUAGES[code][0], domain).open("rb") as po_file:
        messages = read_po(po_file, domain=domain)
    return {
        message.id: str(message.string) for message in messages if isinstance(message.id, str) and message.id
    }


def _file(folder: str, domain: str) -> Traversable:
    return files("turnpoint.reports") / "locale" / folder / "LC_MESSAGES" / f"{domain}.po"


@cache
def _loaded(code: str) -> Language:
    folder, tag, locale = _LANGUAGES[code]
    if code == _OF_THE_CODE:
        return Language(tag, Locale.parse(locale), NullTranslations())
    with _file(folder, DOMAIN).open("rb") as po_file:
        messages = read_po(po_file, locale=folder, domain=DOMAIN)
    compiled = BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    return Language(tag, Locale.parse(locale), GNUTranslations(compiled))
