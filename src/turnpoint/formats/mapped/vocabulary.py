"""The words of column names in English, German and Chinese, each brought to one English token.

What a name means is worked out on these tokens alone (`columns`), so that no rule is written once for each language.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from turnpoint.study.markers import folded_names

# A site, and how it is written; German compounds begin with one (Lebermetastase, Lungenherd).
SITES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "liver": ("liver", "hepatic", "leber", "肝脏", "肝"),
        "lung": ("lung", "pulmonary", "lungen", "lunge", "pulmonal", "rul", "rll", "rml", "lul", "lll", "肺部", "肺"),
        "brain": ("brain", "cerebral", "hirn", "gehirn", "脑"),
        "bone": ("bone", "osseous", "knochen", "骨骼", "骨"),
        "adrenal": ("adrenal", "nebennieren", "nebenniere", "肾上腺"),
        "spleen": ("spleen", "splenic", "milz", "脾脏", "脾"),
        "kidney": ("kidney", "renal", "nieren", "niere", "肾脏", "肾"),
        "pancreas": ("pancreas", "pancreatic", "pankreas", "胰腺", "胰"),
        "peritoneum": ("peritoneum", "peritoneal", "omentum", "omental", "腹膜", "网膜"),
        "pleura": ("pleura", "pleural", "胸膜"),
        "skin": ("skin", "cutaneous", "haut", "皮肤"),
        "breast": ("breast", "brust", "mamma", "乳腺"),
        "ovary": ("ovary", "ovarian", "ovar", "卵巢"),
        "colon": ("colon", "colonic", "kolon", "rectum", "rectal", "rektum", "结肠", "直肠"),
        "stomach": ("stomach", "gastric", "magen", "胃"),
        "pelvis": ("pelvis", "pelvic", "becken", "盆腔"),
        "mediastinum": ("mediastinum", "mediastinal", "纵隔"),
        "abdomen": ("abdomen", "abdominal", "腹腔", "腹部"),
        "soft tissue": ("weichteil", "weichteile", "软组织"),
    }
)  # fmt: skip
_WORDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "lesion": (
            "lesions", "läsions", "läsion", "laesion", "läsionen", "metastase", "metastasen", "metastasis",
            "metastases", "mets", "herd", "rundherd", "raumforderung", "filia", "nodule", "mass", "病灶", "转移灶",
            "转移瘤", "转移", "结节", "肿块", "占位",
        ),
        "tumor": ("tumour", "tumors", "tumours", "tumorherd", "肿瘤", "瘤"),
        "target": ("targets", "zielläsion", "zielläsionen", "zielherd", "ziel", "靶病灶", "靶"),
        "nontarget": ("nichtzielläsion", "nichtzielläsionen", "nontargets", "非靶病灶", "非靶"),
        "newlesion": ("neueläsion", "newlesions", "新发病灶", "新病灶", "新发"),
        "new": ("neu", "neue", "neuer", "neues", "新"),
        "node": ("nodes", "lymphknoten", "lk", "淋巴结"),
        "size": ("größe", "groesse", "grösse", "sizes", "大小", "尺寸"),
        "diameter": (
            "diameters", "durchmesser", "längsdurchmesser", "dm", "längster", "长径", "直径", "最大径", "最长径",
            "径线", "径",
        ),
        "short": ("kurzachse", "短径", "短轴"),
        "sum": ("summe", "总和", "之和"),
        "date": ("datum", "日期", "时间"),
        "week": ("weeks", "wk", "wks", "woche", "wochen", "周"),
        "day": ("days", "tag", "tage", "天"),
        "month": ("months", "mo", "mon", "monat", "monate", "个月", "月"),
        "baseline": ("bl", "screening", "scr", "ausgangswert", "ausgang", "基线", "治疗前"),
        "unit": ("units", "einheit", "einheiten", "单位"),
        "limit": ("uln", "grenzwert", "obergrenze", "referenz", "上限", "参考值"),
        "value": (
            "val", "result", "results", "res", "level", "serum", "lab", "labs", "wert", "werte", "ergebnis",
            "tumormarker", "marker", "结果", "检测结果", "检验结果", "数值", "值", "血清", "肿瘤标志物", "水平",
        ),
        "site": ("location", "loc", "organ", "lokalisation", "ort", "部位", "器官"),
        "status": ("state", "assessment", "evaluation", "beurteilung", "状态", "评估"),
        "change": ("changes", "änderung", "veränderung", "diff", "delta", "pchg", "变化"),
        "percent": ("pct", "prozent", "percentage", "变化率", "百分比"),
        "longest": ("long", "ld", "length", "lad", "最大"),
        "total": ("gesamt", "总"),
        "testosterone": ("testosteron",),
        "thyroglobulin": ("thyreoglobulin",),
        "糖类抗原": ("糖链抗原", "碳水化合物抗原"),
        "side": (
            "left", "right", "upper", "lower", "lobe", "segment", "seg", "links", "rechts", "左", "右", "上", "下",
            "叶", "段", "侧",
        ),
        "": ("第", "后", "的", "处", "号"),
        "note": (
            "notes", "comment", "comments", "remark", "remarks", "bemerkung", "bemerkungen", "kommentar", "anmerkung",
            "notiz", "备注", "说明", "注释",
        ),
    }
)  # fmt: skip
_TOKEN: Final[Mapping[str, str]] = MappingProxyType(
    {word: token for token, words in (*SITES.items(), *_WORDS.items()) for word in words}
)
_CHINESE: Final = re.compile("[\u3400-\u9fff]+")
# Longest first, so that 肾上腺 is not 肾; names of markers beside the words.
_CHINESE_WORDS: Final = sorted(
    {word for word in _TOKEN if _CHINESE.fullmatch(word)}
    | {found[0] for name in folded_names() if (found := _CHINESE.match(name))},
    key=len,
    reverse=True,
)
_LATIN_SITES: Final = sorted(
    (word for words in SITES.values() for word in words if word.isascii()), key=len, reverse=True
)
_COMPOUND: Final = re.compile(
    rf"({'|'.join(_LATIN_SITES)}|lymphknoten|tumor|läsions|herd)"
    r"(metastase|metastasen|herd|läsion|laesion|filia|tumor|größe|groesse|durchmesser)"
)
_BRACKET: Final = re.compile(r"[(\[{]([^()\[\]{}]*)[)\]}]")


def plain(name: str) -> str:
    """The name with full-width letters and brackets as usual ones, and one space for each gap."""
    return " ".join(unicodedata.normalize("NFKC", name).split())


def bracketed(name: str) -> tuple[str, list[str]]:
    """A name without what stands in brackets, and that.

    >>> bracketed("Liver lesion (mm)")
    ('Liver lesion', ['mm'])
    """
    text = plain(name)
    return " ".join(_BRACKET.sub(" ", text).split()), [one.strip() for one in _BRACKET.findall(text)]


def tokens(name: str) -> list[str]:
    """Words and numbers of a name as English tokens: `TL1_LongestDiam` is tl, 1, longest, diam.

    >>> tokens("Lebermetastase 2"), tokens("靶病灶1长径")
    (['liver', 'lesion', '2'], ['target', '1', 'diameter'])
    """
    parted = re.sub(r"([a-zäöüß])([A-ZÄÖÜ])", r"\1_\2", plain(name))
    found: list[str] = []
    for word in re.findall(r"[^\W\d_]+|\d+|%", parted.lower()):
        compound = _COMPOUND.fullmatch(word)
        pieces = [compound[1], compound[2]] if compound else _pieces(word)
        found += [token for piece in pieces if (token := _TOKEN.get(piece, piece))]
    return found


def _pieces(word: str) -> list[str]:
    """A word cut where Chinese writes several together; what is not known stays whole."""
    if not _CHINESE.search(word):
        return [word]
    pieces, rest = [], ""
    while word:
        known = next((one for one in _CHINESE_WORDS if word.startswith(one)), None)
        if known is None:
            # A run of other letters, as CEA in 癌胚抗原CEA, is one piece.
            other = re.match("[^\u3400-\u9fff]+", word)
            rest += other[0] if other else word[0]
            word = word[len(other[0]) if other else 1 :]
            if other:
                pieces.append(rest)
                rest = ""
            continue
        pieces += [rest, known] if rest else [known]
        rest, word = "", word[len(known) :]
    return [*pieces, rest] if rest else pieces
