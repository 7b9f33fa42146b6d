"""Virtual trials that people at the desk ask for, played one after the other in a process beside the server.

Each person has one wish at a time: who moves a slider while a trial waits no longer wants the one before. What was
played is kept by its declaration, so a slider that goes back costs nothing. The process ends when nobody asks.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Condition, Thread

from turnpoint.app.wrong import note
from turnpoint.engine.processes import Workers
from turnpoint.workflows.trial_map import TrialMap, map_player

_MOST_KEPT = 32
_MOST_WISHES = 100
_IDLE_SECONDS = 60.0


class Failed(Exception):  # noqa: N818  (what it is)
    """The trial could not be played."""


class Playing:
    """Plays what is wished for, in a thread that waits for a worker process."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._wishes: OrderedDict[str, str] = OrderedDict()
        self._kept: OrderedDict[str, TrialMap | None] = OrderedDict()
        self._thread: Thread | None = None

    def found(self, declaration: str, who: str) -> TrialMap | None:
        """A declaration's trial, when it is played; None while it waits, and then it is this person's wish.

        Args:
            declaration: as TOML.
            who: one person's session.

        Raises:
            Failed: it could not be played.
        """
        with self._changed:
            if declaration in self._kept:
                self._wishes.pop(who, None)
                self._kept.move_to_end(declaration)
                found = self._kept[declaration]
                if found is None:
                    del self._kept[declaration]  # the next time it is tried anew
                    raise Failed
                return found
            self._wishes[who] = declaration
            if len(self._wishes) > _MOST_WISHES:
                self._wishes.popitem(last=False)
            if self._thread is None:
                self._thread = Thread(target=self._run, name="trials", daemon=True)
                self._thread.start()
            self._changed.notify()
            return None

    def _run(self) -> None:
        with Workers[str, TrialMap](map_player, (), 1) as play:
            while (declaration := self._next()) is not None:
                try:
                    found = play(declaration)
                except Exception as error:  # noqa: BLE001  (whoever waits is told; the next one is played)
                    note(error)
                    found = None
                with self._changed:
                    self._kept[declaration] = found
                    while len(self._kept) > _MOST_KEPT:
                        self._kept.popitem(last=False)

    def _next(self) -> str | None:
        """The oldest wish that is not played yet; None when there is none for a while, and then this thread ends."""
        with self._changed:
            while True:
                for who, declaration in list(self._wishes.items()):
                    del self._wishes[who]
                    if declaration not in self._kept:
                        return declaration
                if not self._changed.wait(_IDLE_SECONDS) and not self._wishes:
                    self._thread = None
                    return None


trials = Playing()
