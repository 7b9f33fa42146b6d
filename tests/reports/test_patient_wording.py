"""What may never stand on a patient's page, in any situation, in either language."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from types import ModuleType

import polars as pl
import pytest

from turnpoint.pictures.patient import PatientPicture, PriorFit
from turnpoint.reports.catalogue import language
from turnpoint.reports.rendering import render_patient
from turnpoint.reports.verdict_text import PATIENT_WORDS, RARE, chance_in_ten, tenths

_FORBIDDEN = {
    "en": (
        r"\bstop(ping)? (the |your |this )?(treatment|chemo|drug|therapy|docetaxel)", r"\bswitch", r"\byou (should|must|need to|have to)\b(?! work)",
        r"\b(start|begin) (a |the |another |new )", r"\bchange (your|the) (treatment|drug|dose)", r"\brecommend(?!s no treatment)", r"\badvise",
        r"\bsurviv", r"\bdie\b(?! a)", r"\bdeath\b", r"\bdying\b", r"\blife expectancy", r"\bmonths to live", r"\bprognos", r"\bterminal\b", r"\bincurable",
        r"\bhopeless", r"\bfail(ed|ure|ing)?\b", r"\bunfortunately", r"\balarm", r"\bdanger", r"\burgent", r"\bRECIST\b", r"\bposterior\b", r"\bnadir\b",
        r"\bresistan", r"\bprogression\b", r"(?<![\d])0\.\d", r"\d ?%",
    ),
    "zh": (
        "停药", "停止治疗", "停止用药", "换药", "换方案", "更换", "改变治疗", "您应该", "您应当", "您必须", "您需要", "建议您", "请立即", "生存", "存活", "死亡",
        "寿命", "预后", "晚期", "绝症", "恶化", "失败", "警报", "预警", "危险", "紧急", "不幸", "耐药", "进展", "RECIST", "后验", r"(?<![\d])0\.\d",
    ),
}  # fmt: skip
_MOST_WORDS = 24


def _background(views: ModuleType) -> PatientPicture:
    """A flat marker, no scans, and the background as the likely reason."""
    rows = [views.assessment_row(270, (0.1, 0.8, 0.1), "plateau", p_cause=(0.1, 0.8, 0.05, 0.05))]
    view: PatientPicture = replace(
        views.marker_only_view(), assessment=views.assessment_frame(rows), evidence=()
    )
    return view


def _situations(views: ModuleType) -> dict[str, PatientPicture]:
    unclear = views.plateau_view("unclear")
    none = replace(
        views.undetermined_view(),
        assessment=pl.DataFrame(schema=views.ASSESSMENT_SCHEMA),
        sums=pl.DataFrame(schema=views.SUMS_SCHEMA),
        fan=pl.DataFrame(schema=views.FAN_SCHEMA),
        evidence=(),
    )
    return {
        "responding": views.responding_view(),
        **{
            f"plateau_{cause}": views.plateau_view(cause) for cause in ("resistant", "scar", "floor", "pause")
        },
        "plateau_background": _background(views),
        "plateau_unclear": unclear,
        "plateau_sizes_only": views.sizes_only_view(),
        "plateau_changed": views.plateau_changed_view(),
        "mixed": views.mixed_view(),
        "nothing_left": views.nothing_left_view(),
        "unclear": views.unclear_view(),
        "off_treatment": views.off_treatment_view(),
        "progressed_new_lesion": views.called_view("new_lesion"),
        "progressed_growth": views.called_view("target"),
        "progressed_marker": views.called_view("marker"),
        "regrowing": views.regrowing_view(),
        "undetermined": views.undetermined_view(),
        "not_assessed": none,
    }


def _with_alert(view: PatientPicture, alert: str) -> PatientPicture:
    """The same view with an alert at the last visit, at an earlier one only, or never."""
    last = pl.int_range(pl.len()) == pl.len() - 1
    flag = {"now": last, "earlier": ~last, "none": pl.lit(value=False)}[alert]
    return replace(view, assessment=view.assessment.with_columns(flag.alias("alert")))


def _words(page: str) -> list[str]:
    """Each paragraph, item and heading of the page as plain text; the small print is left out."""
    body = page[page.index("<main>") : page.index("<footer>")]
    body = re.sub(
        r"<svg.*?</svg>",
        lambda drawing: " ".join(re.findall(r"<text[^>]*>([^<]*)<", drawing[0])),
        body,
        flags=re.DOTALL,
    )
    blocks = re.split(r"</?(?:p|li|h1|h2|dt|dd|figcaption|section|div)[^>]*>", body)
    plain = (" ".join(html.unescape(re.sub(r"<[^>]+>", "", block)).split()) for block in blocks)
    return [block for block in plain if block]


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures as their words only: drawing each situation would take most of a minute."""

    def said(_: object, *, description: str, **__: object) -> str:
        return description

    monkeypatch.setattr("turnpoint.reports.figure.svg", said)


def _page_text(view: PatientPicture, lang: str) -> str:
    return "\n".join(_words(render_patient(view, "patient", lang)))


def test_every_situation_has_words_and_a_view_here(views: ModuleType) -> None:
    assert set(_situations(views)) == set(PATIENT_WORDS)


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("alert", ["now", "earlier", "none"])
@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("situation", list(PATIENT_WORDS))
def test_patient_page_holds_no_forbidden_words(
    views: ModuleType, situation: str, lang: str, alert: str
) -> None:
    text = _page_text(_with_alert(_situations(views)[situation], alert), lang)
    allowed = text.replace("不到 5%", "").replace("超过 95%", "")
    # the doctors' word is told once, as theirs
    allowed = allowed.replace("what doctors call progression", "").replace(
        "Doctors call this progression", ""
    )
    allowed = allowed.replace("“进展”", "")
    for pattern in _FORBIDDEN[lang]:
        found = re.search(pattern, allowed, flags=re.IGNORECASE)
        assert found is None, (pattern, allowed[max(0, found.start() - 40) : found.end() + 40])


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_picture_holds_no_forbidden_words(views: ModuleType, lang: str) -> None:
    text = _page_text(views.marker_only_view(), lang)
    assert language(lang).text("what may come") in text
    assert not [
        pattern
        for pattern in _FORBIDDEN[lang]
        if re.search(pattern, text.replace("95%", "").replace("5%", ""))
    ]


@pytest.mark.parametrize(
    ("lang", "sentence"),
    [
        ("en", "You should switch."),
        ("en", "Stop treatment now"),
        ("en", "a survival of 9 months"),
        ("en", "0.37"),
        ("zh", "您应该换药"),
    ],
)
def test_the_lint_catches_what_it_is_for(lang: str, sentence: str) -> None:
    assert any(re.search(pattern, sentence, flags=re.IGNORECASE) for pattern in _FORBIDDEN[lang])


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("situation", list(PATIENT_WORDS))
def test_patient_sentences_are_short(views: ModuleType, situation: str) -> None:
    text = _page_text(_with_alert(_situations(views)[situation], "now"), "en")
    for sentence in re.split(r"(?<=[.?!])\s|\n", text):
        assert len(sentence.split()) <= _MOST_WORDS, sentence


@pytest.mark.parametrize("situation", list(PATIENT_WORDS))
def test_patient_words_read_at_about_twelve_years(situation: str) -> None:
    # Flesch-Kincaid grade = 0.39 words/sentence + 11.8 syllables/word - 15.59; grade 7 is read at 12-13 years
    words = PATIENT_WORDS[situation]  # type: ignore[index]
    text = " ".join((words.headline, *words.sentences, *words.questions))
    sentences = len(re.findall(r"[.?!…](?:\s|$)", text))
    tokens = re.findall(r"[a-z']+", text.lower())
    syllables = sum(max(1, len(re.findall(r"[aeiouy]+", token.removesuffix("e")))) for token in tokens)
    grade = 0.39 * len(tokens) / sentences + 11.8 * syllables / len(tokens) - 15.59
    assert grade <= 7.0


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("situation", list(PATIENT_WORDS))
def test_patient_page_has_questions_and_leaves_decisions_to_doctor_and_patient(
    views: ModuleType, situation: str, lang: str
) -> None:
    text, say = _page_text(_situations(views)[situation], lang), language(lang).text
    for question in PATIENT_WORDS[situation].questions:  # type: ignore[index]
        assert say(question) in text
    assert (
        say(
            "This page cannot decide anything about your treatment. That is for you and your doctor, together."
        )
        in text
    )


@pytest.mark.usefixtures("undrawn")
def test_signal_says_how_often_growth_followed_in_people_like_this_one(views: ModuleType) -> None:
    text = _page_text(views.regrowing_view(), "en")
    assert "about 7 had such growth within half a year" in text  # 36 of 50
    assert "About 3 had not." in text


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    "unlike", ["other_tumour", "generic", "unmeasured", "simulated", "far from the prior", "few counted"]
)
def test_signal_names_those_it_was_counted_in_to_someone_unlike_those_it_was_counted_in(
    views: ModuleType, unlike: str
) -> None:
    view = views.regrowing_view()
    if unlike == "far from the prior":
        far = view.diagnostics.with_columns(prior_distance=pl.lit(3.0))
        view = replace(view, diagnostics=far)
    elif unlike == "few counted":
        few = replace(view.provenance.alert, followed=9, unfollowed=0)
        view = replace(view, provenance=replace(view.provenance, alert=few))
    elif unlike == "simulated":
        view = replace(view, provenance=replace(view.provenance, simulated=True))
    else:
        view = replace(view, provenance=replace(view.provenance, fit=unlike))
    text = _page_text(view, "en")
    if unlike == "few counted":
        assert "How often that happens has been counted in too few people to say." in text
    else:
        assert "people with lung cancer who had docetaxel: of 10 with such a signal, about 7 had such" in text
        assert "It may be different for you." in text
    assert "similar illness" not in text


@pytest.mark.usefixtures("undrawn")
def test_signal_is_not_told_beside_progression(views: ModuleType) -> None:
    assert "There is a signal" not in _page_text(_with_alert(views.called_view(), "now"), "en")


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    ("kind", "headline"),
    [
        ("new_lesion", "A new spot was found on a scan, in the brain."),
        ("target", "The cancer has grown, by the rules that doctors use."),
        ("non_target", "The cancer has grown, by the rules that doctors use."),
        ("marker", "The blood value PSA has risen, by the rules that doctors use."),
    ],
)
def test_progression_is_the_first_thing_said(views: ModuleType, kind: str, headline: str) -> None:
    view = views.called_view(kind)
    first, *rest = _words(render_patient(view, "patient", "en"))
    assert first.endswith(headline)
    week = round(view.called[0].day / 7)
    assert f"It was seen in week {week}." in rest[0] + rest[1]
    text = "\n".join(rest)
    assert "How sure are we?" not in text
    assert "What may come next" not in text
    assert "blue area" not in text


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    ("lang", "sentence"),
    [
        ("en", "One spot (lung) has grown, while another one (liver) became smaller."),
        ("zh", "肺的一个病灶变大了，而肝的一个病灶变小了。"),
    ],
)
def test_lesions_that_part_ways_are_named_by_their_places(
    views: ModuleType, lang: str, sentence: str
) -> None:
    assert sentence in _page_text(views.mixed_view(), lang)


@pytest.mark.usefixtures("undrawn")
def test_size_below_measuring_is_said_in_words(views: ModuleType) -> None:
    text = _page_text(views.nothing_left_view(), "en")
    assert "On the last scan (week 18) nothing could be measured any more." in text
    assert "0 mm" not in text
    assert "Your blood value CEA is normal." in text


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    ("fit", "parts", "sentences"),
    [
        (
            "like",
            ("docetaxel-nsclc-ct",),
            ["325 people with lung cancer who had docetaxel.", "Everyone is different."],
        ),
        (
            "other_tumour",
            ("docetaxel-nsclc-ct",),
            ["325 people with lung cancer who had docetaxel.", "They had another kind of cancer than you."],
        ),
        (
            "generic",
            ("generic",),
            [
                "325 people with lung, bowel or prostate cancer.",
                "None of them had just your cancer",
            ],
        ),
        (
            "unmeasured",
            ("generic",),
            [
                "325 people with lung, bowel or prostate cancer.",
                "Nobody with your kind of cancer is among them. So it is less sure for you.",
            ],
        ),
        (
            "parts",
            ("chemotherapy-colorectal-ct", "generic"),
            [
                "people with bowel cancer who had chemotherapy.",
                "No group of them was measured in just the way",
            ],
        ),
        ("unknown", ("mine",), ["325 people of another study."]),
    ],
)
def test_page_says_who_the_people_are_that_it_compares_with(
    views: ModuleType, fit: PriorFit, parts: tuple[str, ...], sentences: list[str]
) -> None:
    view = views.responding_view()
    view = replace(view, provenance=replace(view.provenance, fit=fit, parts=parts))
    text = _page_text(view, "en")
    assert all(sentence in text for sentence in sentences)
    assert "similar treatment" not in text


@pytest.mark.usefixtures("undrawn")
def test_chance_of_never_is_said_where_it_is_not_small(views: ModuleType) -> None:
    view = views.plateau_view("unclear")
    sentence = (
        "It is also possible that it does not grow again within ten years: the chance is about 2 in 10."
    )
    assert sentence not in _page_text(view, "en")
    never = replace(view, diagnostics=view.diagnostics.with_columns(p_never_turns=pl.lit(0.2)))
    assert sentence in _page_text(never, "en")


@pytest.mark.parametrize(
    ("probability", "expected"),
    [(0.0, "less than 1 in 20"), (0.0499, "less than 1 in 20"), (0.05, "about 1 in 10"), (0.37, "about 4 in 10"),
     (0.95, "about 9 in 10"), (0.951, "more than 19 in 20"), (None, "–"), (float("nan"), "–")],
)  # fmt: skip
def test_chance_is_said_in_tenths(probability: float | None, expected: str) -> None:
    assert chance_in_ten(probability, language("en")) == expected


@pytest.mark.parametrize(
    ("chances", "expected"),
    [
        ([0.55, 0.30, 0.15], [6, 3, 1]),
        ([0.81, 0.16, 0.03], [8, 2, 0]),
        ([0.34, 0.33, 0.33], [4, 3, 3]),
        ([0.88, 0.06, 0.06], [8, 1, 1]),
        ([0.98, 0.01, 0.01], [10, 0, 0]),
    ],
)
def test_tenths_of_one_whole_give_ten_together(chances: list[float], expected: list[int]) -> None:
    assert tenths(chances) == expected
    assert sum(tenths(chances)) == 10


def test_tenths_never_hide_a_chance_of_one_in_twenty() -> None:
    assert min(tenths([0.90, RARE, RARE])) == 1
