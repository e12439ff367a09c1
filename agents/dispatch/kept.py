"""Values that a worker keeps from one task to the next: instances, and dispatchers with their compiled models."""

import json
import pickle
import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import cached_property, lru_cache

from agents.dispatch.dispatcher import Dispatcher
from sim.instance import Instance

MOST = 4
"""Number of networks with their tariffs and rules of which a thread keeps models."""

DECISIVE = {"grid", "fleet", "market", "search", "risk"}
"""Parts of a study that its dispatcher is made of."""


class Shared:
    """Instance for many tasks: pickled once, and unpickled once by every worker."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance

    @cached_property
    def _packed(self) -> bytes:
        return pickle.dumps(self.instance)

    def __reduce__(self) -> "tuple[Callable[[bytes], Shared], tuple[bytes]]":
        """Return how another process makes it again."""
        return _unpacked, (self._packed,)


@lru_cache(MOST)
def _unpacked(packed: bytes) -> Shared:
    return Shared(pickle.loads(packed))


class KeptDispatchers(threading.local):
    """Dispatchers of a thread: programs are filled in unguarded, so no two threads share one.

    As every solve starts afresh, it makes no difference what a dispatcher solved before.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[str, Dispatcher] = OrderedDict()

    def of(self, instance: Instance) -> Dispatcher:
        """Return the dispatcher of a study, with its models compiled if it was asked for not long ago."""
        key = json.dumps(instance.study.model_dump(mode="json", include=DECISIVE))
        dispatcher = self._known.pop(key, None) or Dispatcher.of(instance, threads=1)
        self._known[key] = dispatcher
        while len(self._known) > MOST:
            self._known.popitem(last=False)
        return dispatcher

    def forget_last(self) -> None:
        """Forget the dispatcher asked for last: somebody who was given up may still use it."""
        self._known.popitem()


kept_dispatchers = KeptDispatchers()
