"""Where a lesion is, in the reader's language: the sites that studies name most; others keep the study's own words."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from turnpoint.charts.language import Language, mark

_SITES: Mapping[str, str] = MappingProxyType(
    {
        "abdomen": mark("abdomen"),
        "adrenal": mark("adrenal gland"),
        "adrenal gland": mark("adrenal gland"),
        "bladder": mark("bladder"),
        "bone": mark("bone"),
        "brain": mark("brain"),
        "breast": mark("breast"),
        "chest": mark("chest"),
        "colon": mark("colon"),
        "kidney": mark("kidney"),
        "liver": mark("liver"),
        "lung": mark("lung"),
        "left lung": mark("left lung"),
        "right lung": mark("right lung"),
        "lymph node": mark("lymph node"),
        "mediastinum": mark("mediastinum"),
        "node": mark("lymph node"),
        "ovary": mark("ovary"),
        "pancreas": mark("pancreas"),
        "pelvis": mark("pelvis"),
        "peritoneum": mark("peritoneum"),
        "pleura": mark("pleura"),
        "prostate": mark("prostate"),
        "skin": mark("skin"),
        "spleen": mark("spleen"),
        "stomach": mark("stomach"),
    }
)


def site_name(site: str | None, language: Language) -> str:
    """The site in the reader's language; empty where none is known."""
    if not site:
        return ""
    known = _SITES.get(site.strip().lower())
    return language.text(known) if known else site


def lesion_name(lesion_id: str, site: str | None, language: Language) -> str:
    """Site and name of a lesion: `liver T1`."""
    return " ".join(word for word in (site_name(site, language), lesion_id) if word)


def known_sites(sites: list[str | None], language: Language) -> list[str]:
    """The sites that are known, each once, in their order."""
    return list(dict.fromkeys(name for name in (site_name(site, language) for site in sites) if name))
