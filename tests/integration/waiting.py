"""Waiting for a condition, with a deadline: the only place of these tests that sleeps."""
import time

LOOK_EVERY_S = 0.02


def wait_for(condition, what, timeout_s=20.0, every_s=LOOK_EVERY_S):
    """The first true value of condition(). `what` is said when there is none in time; it may be a function."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not seen in {timeout_s:g} s: {what() if callable(what) else what}")
        time.sleep(every_s)


def holds_for(condition, what, seconds, every_s=0.1):
    """condition() must stay true for that long; for what must not happen, next to a wait for what must."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert condition(), what() if callable(what) else what
        time.sleep(every_s)
