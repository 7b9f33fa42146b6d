"""Tumours and drugs as Chinese records name them, in the English words by which a prior is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# Names are looked for inside a text; the longer one of two counts, for it is the more definite.
_IN_ENGLISH: Final[Mapping[str, str]] = MappingProxyType(
    {
        "非小细胞肺": "nsclc",
        "肺": "lung",
        "结直肠": "colorectal",
        "大肠": "colorectal",
        "结肠": "colon",
        "直肠": "rectal",
        "前列腺": "prostate",
        "多西他赛": "docetaxel",
        "多西紫杉醇": "docetaxel",
        "奥沙利铂": "oxaliplatin",
        "伊立替康": "irinotecan",
        "氟尿嘧啶": "fluorouracil",
        "阿替利珠单抗": "atezolizumab",
        "阿特珠单抗": "atezolizumab",
        "帕博利珠单抗": "pembrolizumab",
        "纳武利尤单抗": "nivolumab",
        "度伐利尤单抗": "durvalumab",
        "免疫治疗": "immunotherapy",
    }
)


def clinical_words(text: str) -> str:
    """The text in lower case, with the English words of what it names in Chinese after it.

    >>> clinical_words("转移性结直肠癌")
    '转移性结直肠癌 colorectal'
    >>> clinical_words("Metastatic NSCLC")
    'metastatic nsclc'
    """
    left, words = text, []
    for name in sorted(_IN_ENGLISH, key=len, reverse=True):
        if name in left:
            words.append(_IN_ENGLISH[name])
            left = left.replace(name, " ")
    return " ".join([text.lower(), *sorted(words)])
