"""Two languages in one site: a page under `zh/` says so, has its frame in Chinese, and can be searched for.

Two builds would be the usual way. They would double the time for a dozen pages, and each would search only itself.
"""

from __future__ import annotations

import gettext
import posixpath
from pathlib import Path
from typing import Any

import sphinx
from bs4 import BeautifulSoup
from sphinx.application import Sphinx
from sphinx.search.en import SearchEnglish

CHINESE = "zh/"
ENGLISH_NAME, CHINESE_NAME = "English", "中文"
# what the theme says and Sphinx's catalogue does not have
_FRAME = {
    "Back to top": "回到顶部",
    "Contents": "目录",
    "Expand": "展开",
    "Hide navigation sidebar": "收起导航栏",
    "Hide table of contents sidebar": "收起本页目录",
    "Light mode": "浅色",
    "Dark mode": "深色",
    "Auto light/dark, in light mode": "自动（当前浅色）",
    "Auto light/dark, in dark mode": "自动（当前深色）",
    "Made with": "制作工具：",
    "Menu": "菜单",
    "Next": "下一页",
    "On this page": "本页内容",
    "Previous": "上一页",
    "Search": "搜索",
    "Skip to content": "跳到正文",
    "Toggle Light / Dark / Auto color theme": "切换浅色、深色或自动",
    "Toggle site navigation sidebar": "打开或收起导航",
    "Toggle table of contents sidebar": "打开或收起本页目录",
    "Copyright": "版权",
    "Home": "首页",
    "Copyright &#169; %(copyright)s": "版权 &#169; %(copyright)s",
}
_SPLITTER = r"""
var splitQuery = (query) => query
  .split(/[^\p{Letter}\p{Number}_\p{Emoji_Presentation}]+/gu)
  .flatMap((word) => word.split(/([\u2e80-\u9fff\uf900-\ufaff]+)/u))
  .flatMap((word) => !/[\u2e80-\u9fff\uf900-\ufaff]/u.test(word) || word.length < 3 ? [word]
    : [...word].slice(1).map((letter, at) => word[at] + letter))
  .filter((word) => word);
"""


class SearchBoth(SearchEnglish):
    """English words by their stems; Chinese, which has no spaces, by each two characters that stand together."""

    lang = "en+zh"
    js_splitter_code = _SPLITTER

    def split(self, text: str) -> list[str]:
        """The words of a text, as `_SPLITTER` has those of a question."""
        words: list[str] = []
        for word in super().split(text):
            words += _pairs(word) if any(_is_chinese(letter) for letter in word) else [word]
        return words

    def word_filter(self, word: str) -> bool:
        """Whether a word is looked for at all."""
        return (len(word) > 1 and _is_chinese(word[0])) or super().word_filter(word)


def _pairs(word: str) -> list[str]:
    """What a run of letters with Chinese among them is looked for by."""
    runs: list[str] = []
    for letter in word:
        if runs and _is_chinese(runs[-1][-1]) == _is_chinese(letter):
            runs[-1] += letter
        else:
            runs.append(letter)
    return [
        part
        for run in runs
        for part in (
            [run]
            if len(run) < 3 or not _is_chinese(run[0])
            else [run[at : at + 2] for at in range(len(run) - 1)]
        )
    ]


def _is_chinese(letter: str) -> bool:
    return "\u2e80" <= letter <= "\u9fff" or "\uf900" <= letter <= "\ufaff"


def in_its_language(app: Sphinx, page: str, _template: str, context: dict[str, Any], _doctree: Any) -> None:
    """Set the language of a page's frame, its list of pages, and its link to the same page in the other language."""
    is_chinese = page.startswith(CHINESE)
    other = page.removeprefix(CHINESE) if is_chinese else CHINESE + page
    here = app.env.found_docs
    fallback = "index" if is_chinese else f"{CHINESE}index"
    target = other if other in here else fallback
    context["other_language"] = {
        "name": ENGLISH_NAME if is_chinese else CHINESE_NAME,
        "code": "en" if is_chinese else "zh-CN",
        "address": context["pathto"](target),
    }
    tree = context.get("furo_navigation_tree", "")
    context["furo_navigation_tree"] = _list_of_pages(tree, is_chinese=is_chinese)
    for way in ("prev", "next"):  # the first page of one language is not the next after the last of the other
        step = context.get(way)
        if step and (f"/{CHINESE}" in f"/{_place(app, page, step['link'])}") != is_chinese:
            context[way] = None
    if is_chinese:
        context["language"] = "zh-CN"
        context["master_doc"] = f"{CHINESE}index"  # where the name at the top leads
        catalogue = gettext.translation(
            "sphinx", Path(sphinx.__file__).parent / "locale", languages=["zh_CN"]
        )
        context["_"] = context["gettext"] = lambda text: _FRAME.get(text) or catalogue.gettext(text)


def _place(app: Sphinx, page: str, link: str) -> str:
    """Where a link of a page leads, from the top of the site."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(app.builder.get_target_uri(page)), link))


def _list_of_pages(tree: str, *, is_chinese: bool) -> str:
    """The sidebar's list with the pages of one language."""
    soup = BeautifulSoup(tree, "html.parser")
    for caption in soup.select("p.caption"):
        caption["aria-level"] = "2"  # the theme calls it a heading of no level
        own = caption.get_text(strip=True) == CHINESE_NAME
        listed = caption.find_next_sibling("ul")
        if own != is_chinese:
            caption.decompose()
            if listed is not None:
                listed.decompose()
    return str(soup)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_search_language(SearchBoth)
    app.connect("html-page-context", in_its_language, priority=900)  # after the theme's own
    return {"parallel_read_safe": True, "parallel_write_safe": True}
