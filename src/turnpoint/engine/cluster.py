"""A function over many batches on a Dask cluster that somebody runs already (extra `cluster`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

Batch = TypeVar("Batch")
Result = TypeVar("Result")

_SECONDS_TO_CONNECT = 10
_RETRIES = 2  # of a batch whose worker died


def over_cluster(
    address: str,
    make: Callable[..., Callable[[Batch], tuple[Batch, Result]]],
    arguments: tuple[Any, ...],
    batches: Sequence[Batch],
) -> Iterator[tuple[Batch, Result | str]]:
    """What `make(*arguments)` makes of each batch, as they come; what the cluster lost, with its reason as text.

    Args:
        address: of the scheduler, for example `tcp://10.0.0.1:8786`.
        make: gives the function; it and the arguments must be picklable.
        arguments: of `make`.
        batches: small things that say what to do; the results are small too.

    Raises:
        ImportError: Dask is not installed.
        ConnectionError: no scheduler answers there.
    """
    from distributed import Client, as_completed  # noqa: PLC0415  (an extra)

    try:
        client: Any = Client(address, timeout=_SECONDS_TO_CONNECT, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise ConnectionError(address) from error
    with client:
        futures = {
            client.submit(_done, make, arguments, batch, pure=False, retries=_RETRIES): batch
            for batch in batches
        }
        for future in as_completed(futures, loop=client.loop):  # type: ignore[no-untyped-call]
            if future.status == "finished":
                yield future.result()
            else:
                yield futures[future], f"lost on the cluster ({future.status})"


def _done(
    make: Callable[..., Callable[[Batch], tuple[Batch, Result]]], arguments: tuple[Any, ...], batch: Batch
) -> tuple[Batch, Result]:
    return make(*arguments)(batch)
