from __future__ import annotations

import importlib.util
import string
from gettext import NullTranslations
from pathlib import Path
from types import ModuleType

import pytest
from babel.messages import Message

from turnpoint.errors import UsageError
from turnpoint.reports.catalogue import language

_SCRIPT = Path(__file__).parents[2] / "scripts" / "catalogue.py"
_FOLDERS = ("en", "zh_Hans")


@pytest.fixture(scope="module")
def catalogue() -> ModuleType:
    spec = importlib.util.spec_from_file_location("catalogue_script", _SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _forms(text: str | list[str] | tuple[str, ...]) -> list[str]:
    return [text] if isinstance(text, str) else list(text)


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_catalogues_are_up_to_date_and_complete(
    catalogue: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert catalogue.main(["--check"]) == 0, capsys.readouterr().out


def test_check_fails_when_a_translation_is_missing(catalogue: ModuleType) -> None:
    messages = catalogue.updated("zh_Hans")
    next(message for message in messages if message.id == "Turning point").string = ""
    assert catalogue.missing(messages) == ["Turning point"]


@pytest.mark.parametrize("folder", _FOLDERS)
def test_translations_have_the_placeholders_of_their_message(catalogue: ModuleType, folder: str) -> None:
    message: Message
    for message in catalogue.updated(folder):
        if message.id:
            # the singular may do without its number; nothing may hold a name that is not filled
            wanted = _placeholders(_forms(message.id)[-1])
            *fewer, last = (_placeholders(form) for form in _forms(message.string))
            assert last == wanted, message.id
            assert all(found <= wanted for found in fewer), message.id


def test_chinese_differs_from_english_wherever_there_are_words(catalogue: ModuleType) -> None:
    kept = {"RECIST", "PD\n≥ {size} mm", "PR\n≤ {size} mm", "{size} mm"}
    same = {
        _forms(message.id)[0]
        for message in catalogue.updated("zh_Hans")
        if message.id and _forms(message.string)[0] == _forms(message.id)[0]
    }
    assert same <= kept


def test_chinese_has_no_half_width_sentence_marks(catalogue: ModuleType) -> None:
    for message in catalogue.updated("zh_Hans"):
        for translated in _forms(message.string) if message.id else []:
            chinese = any("\u4e00" <= character <= "\u9fff" for character in translated)
            assert not (chinese and any(mark in translated for mark in (", ", "; ", ": ", "?", "!"))), (
                translated
            )


@pytest.mark.parametrize(
    ("name", "tag"),
    [("en", "en"), ("en_GB", "en"), ("zh", "zh-Hans"), ("zh_CN", "zh-Hans"), ("ZH-hans", "zh-Hans")],
)
def test_language_is_found_by_its_usual_names(name: str, tag: str) -> None:
    assert language(name).tag == tag


@pytest.mark.parametrize("name", ["fr", "", "zh-Hant", "../en"])
def test_language_refuses_what_has_no_catalogue(name: str) -> None:
    with pytest.raises(UsageError, match="Use one of en, zh"):
        language(name)


def test_language_is_loaded_once() -> None:
    assert language("zh") is language("zh-CN")


def test_plural_follows_the_language() -> None:
    english, chinese = language("en"), language("zh")
    assert english.weeks(1) == "1 week"
    assert english.weeks(6) == "6 weeks"
    assert chinese.weeks(1) == "1 周"
    assert chinese.weeks(6) == "6 周"


def test_english_needs_no_catalogue_so_that_none_is_shipped() -> None:
    assert type(language("en").catalogue) is NullTranslations
