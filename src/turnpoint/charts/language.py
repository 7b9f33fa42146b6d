"""How charts and reports speak one language: messages from a catalogue, numbers and dates by locale.

Every human string goes through `Language.text` or `Language.plural`, called with a literal so that
`scripts/catalogue.py` finds it; strings that stand in a table are wrapped in `mark` there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from gettext import NullTranslations

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal, format_percent

MINUS = "−"  # U+2212: as wide as a plus sign, and a screen reader says "minus"
NOTHING = "–"  # what stands where there is no number


def mark(message: str) -> str:
    """The message itself; marks a string of a table for the catalogue, to be translated where it is used."""
    return message


@dataclass(frozen=True, slots=True)
class Language:
    """One language.

    Attributes:
        tag: BCP 47 tag for the page's `lang` attribute, for example `zh-Hans`.
        locale: how numbers and dates are written.
        catalogue: the translations.
    """

    tag: str
    locale: Locale
    catalogue: NullTranslations

    def text(self, message: str, **values: object) -> str:
        """The message in this language, `{name}` replaced by each value."""
        found = self.catalogue.gettext(message)
        return found.format(**values) if values else found

    def plural(self, one: str, many: str, count: int, **values: object) -> str:
        """The form of the message that this language uses for the count; `{count}` is the number."""
        found = self.catalogue.ngettext(one, many, count)
        return found.format(count=self.number(count), **values)

    def number(self, value: float | None, decimals: int = 0) -> str:
        """A number with at most so many decimals: `1,234.5`; a dash where there is none."""
        if value is None or not math.isfinite(value):
            return NOTHING
        pattern = "#,##0" + ("." + "#" * decimals if decimals else "")
        rounded = round(value, decimals) + 0.0  # + 0.0 turns -0.0 into 0
        return str(format_decimal(rounded, pattern, locale=self.locale)).replace("-", MINUS)

    def measured(self, value: float | None) -> str:
        """A laboratory value with three significant digits, never fewer than its whole part: `0.0523`, `1,540`."""
        if value is None or not math.isfinite(value):
            return NOTHING
        whole_digits = 0 if value == 0 else math.floor(math.log10(abs(value))) + 1
        return self.number(value, max(0, 3 - whole_digits))

    def signed(self, value: float | None, decimals: int = 0) -> str:
        """The same with its sign: `+12`, `−9`, `0`."""
        if value is None or not math.isfinite(value):
            return NOTHING
        return ("+" if round(value, decimals) > 0 else "") + self.number(value, decimals)

    def percent(self, fraction: float | None, decimals: int = 0) -> str:
        """A fraction as percent: `12%`."""
        if fraction is None or not math.isfinite(fraction):
            return NOTHING
        pattern = "#,##0" + ("." + "#" * decimals if decimals else "") + "%"
        rounded = round(fraction, decimals + 2) + 0.0
        return str(format_percent(rounded, pattern, locale=self.locale)).replace("-", MINUS)

    def signed_percent(self, fraction: float | None, decimals: int = 0) -> str:
        """A change as percent with its sign: `+12%`, `−9%`."""
        if fraction is None or not math.isfinite(fraction):
            return NOTHING
        return ("+" if round(fraction, decimals + 2) > 0 else "") + self.percent(fraction, decimals)

    def chance(self, probability: float | None) -> str:
        """A probability as whole percent that never claims certainty: `<1%`, `37%`, `>99%`."""
        if probability is None or not math.isfinite(probability):
            return NOTHING
        if probability < 0.01:
            return "<" + self.percent(0.01)
        if probability > 0.99:
            return ">" + self.percent(0.99)
        return self.percent(probability)

    def week(self, day: float | None) -> str:
        """A day as whole weeks since the start: `31`."""
        return self.number(None if day is None else day / 7.0)

    def weeks(self, count: float) -> str:
        """A duration in words: `1 week`, `6 weeks`."""
        return self.plural("{count} week", "{count} weeks", round(count))

    def date(self, day: date) -> str:
        """A calendar date as people write it."""
        return str(format_date(day, "long", locale=self.locale))

    def listed(self, items: list[str]) -> str:
        """Items separated as this language does."""
        return self.text(", ").join(items)

    def joined(self, sentences: list[str]) -> str:
        """Sentences one after another; Chinese sets no space between them."""
        return ("" if self.locale.language == "zh" else " ").join(sentences)
