"""Does a page contradict itself, or what it was made from? Rules that a machine can check, in either language.

Each rule gives a sentence for each contradiction it finds. A fault planted in a page must be noticed by one of them
(`test_consistency`), so that no rule is one that can never fail.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from typing import Any

from turnpoint.charts.language import Language
from turnpoint.pictures.patient import PatientPicture
from turnpoint.pictures.snapshot import snapshot
from turnpoint.reports.catalogue import language
from turnpoint.reports.verdict_text import CLINICIAN_HEADLINES, PATIENT_WORDS

# which verdicts each situation may be said of
_VERDICTS = {
    "responding": {"responding"},
    "regrowing": {"regrowing"},
    "nothing_left": {"responding", "plateau", "undetermined"},
    "mixed": {"responding", "plateau", "undetermined"},
    "undetermined": {"undetermined"},
    "unclear": {"undetermined"},
    "off_treatment": {"undetermined"},
    "not_assessed": {None},
} | {
    f"plateau_{cause}": {"plateau"}
    for cause in ("resistant", "scar", "background", "floor", "pause", "unclear", "sizes_only", "changed")
}


class Page:
    """One page as a reader sees it, beside the view it was made from."""

    def __init__(self, made: str, view: PatientPicture, audience: str, lang: str) -> None:
        self.made, self.view, self.audience = made, view, audience
        self.language: Language = language(lang)
        body = made[made.index("<main") :]
        body = re.sub(r"<svg.*?</svg>", " ", body, flags=re.DOTALL)
        self.text = plain(body)
        self.header = plain(body[body.index("<header") : body.index("</header>")])
        self.first = plain(body[body.index("<h1") : body.index("</h1>")])
        self.snap = snapshot(view)
        self.last: dict[str, Any] = dict(self.snap.last)

    def says(self, message: str, where: str | None = None) -> bool:
        """Whether the message stands there in the page's language, whatever its values."""
        translated = self.language.catalogue.gettext(message)
        parts = [re.escape(part.strip()) for part in re.split(r"\{\w+\}", translated) if part.strip()]
        return re.search(".{0,120}?".join(parts), self.text if where is None else where) is not None


def plain(markup: str) -> str:
    """What stands there, without markup."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def tables_of(made: str) -> dict[str, list[list[str]]]:
    """Each table's rows by its caption."""
    found = {}
    for body in re.findall(r"<table.*?</table>", made, flags=re.DOTALL):
        caption = plain(re.search(r"<caption>(.*?)</caption>", body, flags=re.DOTALL)[1])
        rows = re.findall(r"<tr role=\"row\">(.*?)</tr>", body, flags=re.DOTALL)[1:]
        cells = [re.findall(r"<td.*?>(.*?)</td>", row, flags=re.DOTALL) for row in rows]
        found[caption] = [[plain(cell) for cell in row] for row in cells]
    return found


def contradictions(made: str, view: PatientPicture, audience: str, lang: str) -> list[str]:
    """Everything that is wrong with a page; nothing when it is in order."""
    page = Page(made, view, audience, lang)
    return [f"{rule.__name__}: {found}" for rule in RULES for found in rule(page)]


def no_unfilled_or_empty_names(page: Page) -> Iterator[str]:
    for found in re.findall(r"\{\w+\}", page.text):
        yield f"unfilled {found}"
    for found in re.findall(r"\b(?:nan|None(?! of)|inf)\b", page.text):
        yield f"says {found}"
    for found in re.findall(
        r"\b(?:of|from|by|with|in) (?:since|while|has|is|rose|fell)\b|没有 的|从 的", page.text
    ):
        yield f"an empty name: {found}"
    for found in re.findall(r"\(\s*\)|（\s*）|: \.|：。", page.text):
        yield f"nothing where a name should be: {found}"


def no_empty_ranges(page: Page) -> Iterator[str]:
    number = r"(?<![\d.])(\d[\d,.]*)"
    for low in re.findall(rf"{number} (?:and|to) \1(?![\d.])", page.text) + re.findall(
        rf"{number} 至 \1(?![\d.])", page.text
    ):
        yield f"between {low} and {low}"
    for found in re.findall(r"[≤<] ?0(?![.\d])", page.text):
        yield f"below nothing: {found}"


def progression_is_said_first_and_not_forecast(page: Page) -> Iterator[str]:
    if not page.view.called:
        return
    first = page.view.called[0]
    if str(round(first.day / 7)) not in page.header:
        yield "the header does not say the week in which progression was called"
    if page.audience == "patient":
        wanted = [PATIENT_WORDS[page.snap.headline].headline]
        wanted += [
            "A new spot was found on a scan, in the {place}.",
            "New spots were found on a scan: {places}.",
            "The blood value {marker} has risen, by the rules that doctors use.",
        ]
    else:
        wanted = [
            "Progression by a new lesion: {lesions}, week {week} ({criterion}).",
            "Progression by growth of the target lesions",
            "Progression by growth of other lesions: {lesions}, week {week} ({criterion}).",
            "Progression by {marker}: {value} {unit} in week {week}",
        ]
        wanted = [message.split(",")[0] for message in wanted] if page.language.tag == "en" else []
    if wanted and not any(page.says(message, page.first) for message in wanted):
        yield "progression is not the first thing said"
    if first.site and first.kind == "new_lesion" and not _names_site(page, first.site):
        yield "the site of the new lesion is not in the first line"
    forecasts = (
        "Progression is called at {target} mm: {to_go} mm more than now.",
        "If everything goes on as it is, the chance that growth is clearly measured within {weeks} is {chance}.",
    )
    is_recist = any(own.criterion == "RECIST 1.1" for own in page.view.called)
    for message in forecasts if is_recist else ():
        if page.says(message):
            yield f"forecasts what has been called: {message}"
    if is_recist and page.view.p_progression["p_progression"].drop_nulls().len():
        yield "the view forecasts what has been called"


def _names_site(page: Page, site: str) -> bool:
    return page.language.catalogue.gettext(site) in page.first or site in page.first


def level_is_not_said_beside_a_change(page: Page) -> Iterator[str]:
    changed = [fact.code for fact in page.view.evidence if fact.code in _CHANGED]
    level = [own for own in _VERDICTS if own.startswith("plateau_") and own != "plateau_changed"]
    if changed and any(page.language.text(_headline(own, page)) in page.first for own in level):
        yield f"levelled off beside {changed}"
    for message in (
        "Your results have levelled off.",
        "Your results have levelled off. The reason is not clear yet.",
    ):
        beyond = "On the scans, the measured size became smaller within {weeks}. It is more than a measuring error."
        if page.audience == "patient" and page.says(message, page.header) and page.says(beyond):
            yield "levelled off beside a fall beyond error"


_CHANGED = ("size_risen", "size_fallen", "marker_risen", "marker_fallen")


def the_state_said_is_the_verdict(page: Page) -> Iterator[str]:
    verdict = page.last.get("verdict")
    if page.audience == "patient" and page.snap.progressed is not None:
        return
    where = page.first if page.snap.progressed is None else page.header
    said = [own for own in _VERDICTS if page.language.text(_headline(own, page)) in where]
    if not any(verdict in _VERDICTS[own] for own in said):
        yield f"says {said} of the verdict {verdict}"


def _headline(situation: str, page: Page) -> str:
    patient: dict[str, Any] = dict(PATIENT_WORDS)  # type: ignore[arg-type]
    clinician: dict[str, str] = dict(CLINICIAN_HEADLINES)  # type: ignore[arg-type]
    return str(patient[situation].headline) if page.audience == "patient" else clinician[situation]


def the_alert_said_is_the_alert(page: Page) -> Iterator[str]:
    stands = bool(page.last.get("alert"))
    if page.audience == "clinician":
        said = any(
            page.says(message)
            for message in (
                "Alert since week {week}: if treatment stays as it is, the chance of progression within {weeks} weeks "
                "by {criterion} is {chance}.",
                "The bar for progression has been reached; an alert had stood since week {week}.",
                "The bar for progression has been reached; no alert came before it.",
            )
        )
        if said != stands:
            yield f"alert {stands}, said {said}"
        box = re.search(r'<div class="alert[^>]*>\s*<p>(.*?)</p>', page.made, flags=re.DOTALL)
        if box is not None and len(re.findall(r"\d%", box[1])) > 1:
            yield "two percentages in one alert"
    if page.audience == "patient":
        said = page.says("There is a signal to look more closely. It first came up around week {week}.")
        if said != (stands and page.snap.progressed is None):
            yield f"signal {stands}, said {said}"


def the_turning_point_said_is_p_turned(page: Page) -> Iterator[str]:
    if page.audience != "clinician" or page.last.get("p_turned") is None:
        return
    passed = page.language.catalogue.gettext("Turning point already passed: {chance}.")
    wanted = passed.format(chance=page.language.chance(page.last["p_turned"]))
    is_said = page.says("Turning point already passed: {chance}.", page.header)
    if page.last["verdict"] == "responding" and is_said:
        yield "the turning point is said to be past while the tumour shrinks"
    if is_said and wanted not in page.header:
        yield "another chance than p_turned"


def growth_that_was_read_is_not_ahead(page: Page) -> Iterator[str]:
    if page.audience != "clinician":
        return
    name = page.language.text("Detectable regrowth")
    row = re.search(re.escape(name) + r" (.{1,60})", page.text)
    if row is None:
        return
    read = page.language.catalogue.gettext("read in week {week}").split("{week}")[0].strip()
    if page.view.week_regrowth_read is not None and not row[1].startswith(read):
        yield "growth was read, and is said to lie ahead"
    certain = (page.last.get("p_regrowing") or 0.0) > 0.99
    if certain and re.match(r"\d", row[1]) and page.view.week_regrowth_read is None:
        yield "regrowing for certain, with a date for the first sign of it"


def no_cause_where_it_is_the_priors(page: Page) -> Iterator[str]:
    if not page.view.cause_is_prior:
        return
    if 'class="causes"' in page.made:
        yield "a chart of the prior's cause"
    for situation in ("plateau_resistant", "plateau_scar"):
        message = (
            PATIENT_WORDS[situation].headline
            if page.audience == "patient"
            else CLINICIAN_HEADLINES[situation]
        )
        if page.language.text(message) in page.header:
            yield f"names a cause: {message}"


def growth_is_not_said_when_nothing_has_risen(page: Page) -> Iterator[str]:
    diagnosed = page.view.diagnostics.sort("day").row(-1, named=True) if page.view.diagnostics.height else {}
    if not diagnosed.get("off_treatment") or diagnosed.get("risen"):
        return
    message = (
        PATIENT_WORDS["regrowing"].headline
        if page.audience == "patient"
        else CLINICIAN_HEADLINES["regrowing"]
    )
    if page.language.text(message) in page.header:
        yield "growth is said of a pause in which nothing has risen"


def no_verdict_has_a_reason(page: Page) -> Iterator[str]:
    if page.last.get("verdict") == "undetermined" and not any(fact.is_limit for fact in page.view.evidence):
        yield "undetermined, and nothing says why"
    if page.last.get("verdict") not in (None, "undetermined"):
        for fact in page.view.evidence:
            if fact.is_limit:
                yield f"a verdict, and {fact.code} says that there is none"


def lesions_that_part_are_named(page: Page) -> Iterator[str]:
    parted = page.view.parted
    if parted is None:
        return
    for own in (*parted.grew, *parted.shrank):
        named = own.lesion_id in page.header or (
            own.site and page.language.catalogue.gettext(own.site) in page.header
        )
        if not named:
            yield f"{own.lesion_id} parts ways and is not named"
    for situation in ("plateau_scar", "responding"):
        if page.language.text(PATIENT_WORDS[situation].headline) in page.header:
            yield "one state is said of lesions that part ways"


def the_people_are_named(page: Page) -> Iterator[str]:
    if "similar treatment" in page.text:
        yield "a similar treatment is claimed"


RULES: tuple[Callable[[Page], Iterator[str]], ...] = (
    no_unfilled_or_empty_names,
    no_empty_ranges,
    progression_is_said_first_and_not_forecast,
    level_is_not_said_beside_a_change,
    the_state_said_is_the_verdict,
    the_alert_said_is_the_alert,
    the_turning_point_said_is_p_turned,
    growth_that_was_read_is_not_ahead,
    no_cause_where_it_is_the_priors,
    growth_is_not_said_when_nothing_has_risen,
    no_verdict_has_a_reason,
    lesions_that_part_are_named,
    the_people_are_named,
)
