"""Tumours and drugs as records name them, in the English words by which a prior is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from turnpoint.study.diseases import diseases_in

# Names are looked for inside a text; the longer one of two counts, for it is the more definite.
_IN_ENGLISH: Final[Mapping[str, str]] = MappingProxyType(
    {
        "多西他赛": "docetaxel",
        "多西紫杉醇": "docetaxel",
        "紫杉醇": "paclitaxel",
        "卡铂": "carboplatin",
        "顺铂": "cisplatin",
        "培美曲塞": "pemetrexed",
        "吉西他滨": "gemcitabine",
        "多柔比星": "doxorubicin",
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
    """The text in lower case, with the names of the diseases and the English ones of the drugs in it after it.

    >>> clinical_words("转移性结直肠癌")
    '转移性结直肠癌 colorectal'
    >>> clinical_words("Metastatic NSCLC")
    'metastatic nsclc'
    """
    lower = text.lower()
    left, words = lower, {name for name in diseases_in(text) if name not in lower}
    for name in sorted(_IN_ENGLISH, key=len, reverse=True):
        if name in left:
            words.add(_IN_ENGLISH[name])
            left = left.replace(name, " ")
    return " ".join([lower, *sorted(words)])
