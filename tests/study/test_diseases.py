"""Diseases by name: what a text names, and that the table is right."""

from __future__ import annotations

import pytest

from turnpoint.model.prior import choose_prior, diseases_of, shipped_priors
from turnpoint.study.clinical_words import clinical_words
from turnpoint.study.diseases import diseases, diseases_in, half_lives
from turnpoint.study.markers import MARKERS


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Metastatic NSCLC", {"nsclc"}),
        ("Non-small cell lung cancer", {"nsclc"}),
        ("adenocarcinoma of the lung", {"nsclc"}),
        ("extensive-stage small cell lung cancer", {"sclc"}),
        ("ES-SCLC", {"sclc"}),
        ("小细胞肺癌", {"sclc"}),
        ("非小细胞肺癌", {"nsclc"}),
        ("gallbladder carcinoma", {"biliary"}),
        ("muscle-invasive bladder cancer", {"bladder"}),
        ("食管胃结合部腺癌", {"gastric"}),
        ("食管鳞癌", {"oesophageal"}),
        ("gastroesophageal junction", {"gastric"}),
        ("colorectal cancer", {"colorectal"}),
        ("直肠癌", {"colorectal"}),
        ("Fallopian tube carcinoma", {"ovarian"}),
        ("mCRPC", {"prostate"}),
        ("胰腺癌肝转移", {"pancreatic"}),
        ("breast and ovarian", {"breast", "ovarian"}),
        ("carboplatin paclitaxel", set()),
        ("", set()),
    ],
)
def test_diseases_named_in_a_text(text, names):
    assert diseases_in(text) == names


def test_every_word_of_the_table_names_its_own_disease():
    for own in diseases().values():
        for word in (own.title, own.zh, *own.words, *own.words_zh):
            assert own.name in diseases_in(word.upper()), word


def test_no_word_is_of_two_diseases():
    words = [word for own in diseases().values() for word in (*own.words, *own.words_zh)]
    assert len(words) == len(set(words))


def test_table_names_known_markers_and_shipped_priors_of_the_disease():
    shipped = shipped_priors()
    for own in diseases().values():
        assert set(own.markers) <= set(MARKERS)
        assert own.why.endswith(".")
        assert all(own.name in diseases_of(shipped[name]) for name in own.priors)
        assert all(0 < low <= high for low, high in (own.scans_every_weeks,))
    assert set(half_lives()) <= set(MARKERS)
    assert all(0 < own.days[0] <= own.days[1] and own.source for own in half_lives().values())


def test_table_lists_every_prior_that_can_be_chosen_for_a_disease():
    chosen = {name: own for name, own in shipped_priors().items() if own.keywords}
    for own in diseases().values():
        assert set(own.priors) == {name for name, prior in chosen.items() if own.name in diseases_of(prior)}


@pytest.mark.parametrize("name", diseases())
def test_patient_with_the_disease_gets_a_prior_of_it_or_the_generic_one(name):
    own, shipped = diseases()[name], shipped_priors()
    drugs = " ".join(
        sorted({word for prior in shipped.values() for word in prior.keywords if not diseases_in(word)})
    )
    for title in (own.title, own.zh):
        words = f"{clinical_words(title)} {drugs}"  # every drug of every prior
        for quantity in sorted({quantity for prior in shipped.values() for quantity in prior.quantities}):
            found = choose_prior([quantity], words).name
            assert found == "generic" or found in own.priors, (quantity, found)


def test_english_name_of_a_disease_is_added_once():
    assert clinical_words("卵巢癌, 卡铂 紫杉醇") == "卵巢癌, 卡铂 紫杉醇 carboplatin ovarian paclitaxel"
    assert clinical_words("ovarian cancer") == "ovarian cancer"
    assert clinical_words("多西紫杉醇").endswith(" docetaxel")
