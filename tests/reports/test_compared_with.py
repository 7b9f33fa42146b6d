"""Whom a patient is compared with, in one sentence, on the pages and in both languages."""

from __future__ import annotations

from datetime import date

import pytest

from turnpoint.model.prior import Alert, shipped_priors
from turnpoint.pictures.patient import Provenance
from turnpoint.reports.catalogue import language
from turnpoint.reports.provenance_text import PEOPLE, compared_with, fit_sentence, provenance_lines
from turnpoint.workflows.provenance import provenance


def of(prior, tumour):
    return provenance(shipped_priors()[prior], tumour)


@pytest.mark.parametrize(
    ("lang", "clinician", "patient"),
    [
        (
            "en",
            "Compared with 357 simulated women with ovarian cancer who had chemotherapy with platinum, drawn from a "
            "published model, not with patients.",
            "This page compares you with 357 simulated women with ovarian cancer who had chemotherapy with platinum.",
        ),
        (
            "zh",
            "与之比较的是按已发表模型生成的 357 名模拟的接受含铂化疗的卵巢癌女性患者，不是真实患者。",
            "本页把您与 357 名模拟的接受含铂化疗的卵巢癌女性患者作了比较。",
        ),
    ],
)
def test_ovarian_patient_is_told_of_simulated_women(lang, clinician, patient):
    found = of("platinum-ovarian-ct-ca-125", "ovarian cancer")
    assert fit_sentence(found, language(lang)) == [clinician]
    assert compared_with(found, language(lang))[0] == patient


def test_patient_page_says_that_simulated_people_are_not_real():
    found = of("platinum-ovarian-ct-ca-125", "ovarian cancer")
    assert compared_with(found, language("en"))[1:] == [
        "They were made from the numbers of a published study. They are not real people.",
        "Everyone is different.",
    ]


@pytest.mark.parametrize("tumour", ["breast cancer", "pancreatic cancer", "胃癌", "a rare tumour"])
def test_patient_whose_disease_nobody_measured_is_told_so(tumour):
    found = of("generic", tumour)
    (sentence,) = fit_sentence(found, language("en"))
    patients = f"{shipped_priors()['generic'].card.patients}"
    assert sentence == (
        f"Nobody with this disease was measured: compared with {patients} people with lung, bowel or prostate cancer, "
        "all of them together, so it is less sure for this patient."
    )
    *_, caveat = compared_with(found, language("en"))
    assert caveat == "Nobody with your kind of cancer is among them. So it is less sure for you."
    assert fit_sentence(found, language("zh"))[0].startswith("没有这种疾病的数据：与全部")


def test_nothing_is_added_where_patients_are_like_this_one():
    assert fit_sentence(of("docetaxel-nsclc-ct", "NSCLC"), language("en")) == []


def test_simulated_people_of_another_disease_are_both_said():
    first, second = fit_sentence(of("platinum-ovarian-ct-ca-125", "breast cancer"), language("en"))
    assert first.startswith("Compared with 357 simulated women")
    assert second.startswith("The prior is of patients with another tumour")


def test_small_print_says_virtual_patients():
    lines = provenance_lines(of("platinum-ovarian-ct-ca-125", "ovarian cancer"), language("en"))
    assert "fitted to 357 virtual patients of a published model: CT sum of diameters and CA-125" in lines[1]


def test_users_own_simulated_prior_is_named_by_its_numbers():
    own = Provenance("0", date(2026, 1, 1), "mine", "a cohort", 50, Alert(), parts=("mine",), simulated=True)
    assert fit_sentence(own, language("en")) == []
    assert compared_with(own, language("en"))[0] == "This page compares you with 50 people of another study."


def test_every_shipped_prior_has_its_people():
    assert set(shipped_priors()) == set(PEOPLE)
