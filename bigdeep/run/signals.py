"""Signals that ask a run to stop: noted, not died of."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)


@contextlib.contextmanager
def caught() -> Iterator[Callable[[], str]]:
    """Collects SIGTERM, SIGINT, SIGHUP and SIGUSR1 instead of dying of them.

    Yields a function that names the first one received, "" if none. SIGINT after any of them interrupts at once. A
    signal that the process was started to ignore, as `nohup` and background jobs of scripts do, stays ignored.
    """
    received: list[str] = []

    def note(number: int, frame: object) -> None:
        if received and number == signal.SIGINT:
            raise KeyboardInterrupt
        received.append(signal.Signals(number).name)

    if threading.current_thread() is not threading.main_thread():  # signals are another thread's business
        yield lambda: ""
        return
    wanted = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, note) for number in wanted}
    try:
        yield lambda: received[0] if received else ""
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
