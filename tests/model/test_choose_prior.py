"""Which shipped prior a study gets when none is named."""

import pytest

from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.prior import choose_prior, shipped_priors


@pytest.mark.parametrize(
    ("quantity", "words", "name"),
    [
        (SUM_OF_DIAMETERS, "nsclc docetaxel", "docetaxel-nsclc-ct"),
        (SUM_OF_DIAMETERS, "lung cancer", "docetaxel-nsclc-ct"),  # chemotherapy when nothing else is said
        (SUM_OF_DIAMETERS, "non-small cell lung cancer, atezolizumab", "immunotherapy-nsclc-ct"),
        (SUM_OF_DIAMETERS, "nsclc pembrolizumab", "immunotherapy-nsclc-ct"),
        (
            SUM_OF_DIAMETERS,
            "metastatic colorectal cancer sequential chemotherapy",
            "chemotherapy-colorectal-ct",
        ),
        (SUM_OF_DIAMETERS, "colon cancer folfox", "chemotherapy-colorectal-ct"),
        (SUM_OF_DIAMETERS, "breast cancer", "generic"),
        ("PSA", "prostate docetaxel", "docetaxel-prostate-psa"),
        (SUM_OF_DIAMETERS, "ovarian carboplatin paclitaxel", "platinum-ovarian-ct-ca-125"),
        ("CA-125", "ovarian olaparib", "platinum-ovarian-ct-ca-125"),
        (SUM_OF_DIAMETERS, "nsclc carboplatin paclitaxel", "carboplatin-paclitaxel-nsclc-ct"),
        (SUM_OF_DIAMETERS, "nsclc carboplatin pemetrexed", "carboplatin-paclitaxel-nsclc-ct"),
        (SUM_OF_DIAMETERS, "nsclc pembrolizumab carboplatin pemetrexed", "chemo-immunotherapy-nsclc-ct"),
        (SUM_OF_DIAMETERS, "nsclc dostarlimab carboplatin pemetrexed", "dostarlimab-chemotherapy-nsclc-ct"),
        (SUM_OF_DIAMETERS, "nsclc dostarlimab", "immunotherapy-nsclc-ct"),
        # the drug of a prior does not make another disease its own
        (SUM_OF_DIAMETERS, "breast cancer docetaxel", "generic"),
        (SUM_OF_DIAMETERS, "breast cancer carboplatin paclitaxel", "generic"),
        (SUM_OF_DIAMETERS, "gastric cancer oxaliplatin fluorouracil", "generic"),
        (SUM_OF_DIAMETERS, "small cell lung cancer carboplatin etoposide", "generic"),
        (
            SUM_OF_DIAMETERS,
            "docetaxel",
            "docetaxel-nsclc-ct",
        ),  # where no disease is said, its drug is all there is
    ],
)
def test_prior_is_chosen_by_tumour_and_drug(quantity, words, name):
    assert choose_prior([quantity], words).name == name


def test_prior_without_keywords_is_taken_when_it_is_named_only():
    named = shipped_priors()["docetaxel-prostate-psa-published"]
    assert named.keywords == ()
    assert choose_prior(["PSA"], "prostate docetaxel").name == "docetaxel-prostate-psa"
    assert choose_prior(["PSA"], "prostate docetaxel", named).name == named.name
