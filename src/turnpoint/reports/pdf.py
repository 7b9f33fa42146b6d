"""A finished page as PDF, by WeasyPrint, which is loaded only here."""

from __future__ import annotations

from turnpoint.errors import MissingExtraError


def pdf(html: str) -> bytes:
    """The page as PDF, A4.

    Args:
        html: a page from `render_patient` or `render_cohort`.

    Returns:
        The file's bytes.

    Raises:
        MissingExtraError: WeasyPrint is not installed, or the Pango library that it needs.
    """
    try:
        import weasyprint  # noqa: PLC0415 - an extra, and slow to load
    except ImportError as error:
        raise MissingExtraError(
            "format=pdf: WeasyPrint is not installed. Run: pip install 'turnpoint[pdf]', or write .html instead."
        ) from error
    except OSError as error:  # WeasyPrint is there, a system library is not
        raise MissingExtraError(
            "format=pdf: WeasyPrint does not find the Pango library. On Debian or Ubuntu run: "
            "apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0, or write .html instead."
        ) from error
    # a report is complete in itself; an address in it would be someone's, not ours
    nothing = weasyprint.urls.URLFetcher(allowed_protocols=())
    written: bytes = weasyprint.HTML(string=html, url_fetcher=nothing).write_pdf()
    return written
