"""The stops of the tour."""

from __future__ import annotations

from typing import Final

from turnpoint.charts.language import mark

# Address, `{id}` being a patient's, and what is to be seen there.
STOPS: Final = (
    (
        "/",
        mark(
            "Today. Two real studies are here: 325 people with lung cancer on CT, 44 with prostate cancer by PSA. Who "
            "needs attention comes first; the small line is their course. Find one by name, or by what needs attention."
        ),
    ),
    (
        "/p/{id}",
        mark(
            "A patient. At the top what is most likely now, how sure that is, and whether an alert stands. Below: what "
            "changed, why, what would settle it, and the course with its forecast. Hold the pointer over a chart to "
            "read a value; every number also stands in a table."
        ),
    ),
    (
        "/p/{id}",
        mark(
            "Back in time. Move the slider above to an earlier visit: the page shows what was known on that day, and "
            "nothing that came later."
        ),
    ),
    (
        "/p/{id}/visit",
        mark(
            "Enter a visit. The lesions of the last scan are there already. Type a day and new sizes: the sum, the "
            "change and the response follow as you type. Nothing is stored until you say so."
        ),
    ),
    (
        "/p/{id}/rows",
        mark(
            "Corrections. What was entered can be corrected or taken out. The old value stays in the history, with who "
            "changed it, when and why."
        ),
    ),
    ("/cohort", mark("The cohort. All patients of a study on one page, and what followed each alert.")),
    ("/", mark("That was all. Beside many terms there is a ? that says what they mean.")),
)
