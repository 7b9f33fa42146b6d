"""Which shipped prior a study gets when none is named."""

import pytest

from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.prior import choose_prior


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
    ],
)
def test_prior_is_chosen_by_tumour_and_drug(quantity, words, name):
    assert choose_prior([quantity], words).name == name
