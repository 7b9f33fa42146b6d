"""What the chart tests share: an untranslated language, a panel, and the numbers of a drawn picture."""

from __future__ import annotations

from gettext import NullTranslations

import pytest
from babel import Locale

from turnpoint.charts.canvas import COURSE
from turnpoint.charts.language import Language
from turnpoint.charts.week_axis import Panel, WeekAxis


@pytest.fixture(scope="session")
def english() -> Language:
    return Language("en", Locale.parse("en_GB"), NullTranslations())


@pytest.fixture(scope="session")
def chinese_numbers() -> Language:
    return Language("zh-Hans", Locale.parse("zh_Hans_CN"), NullTranslations())


@pytest.fixture(scope="session")
def panel(english: Language) -> Panel:
    return Panel(WeekAxis(first_week=0.0, last_week=50.0, last_visit_week=30.0), COURSE, english)
