"""Finds every process that a command has started, also those that detached themselves.

The caller becomes the adoptive parent of orphans (Linux: PR_SET_CHILD_SUBREAPER), so a server that forked away or
changed its user is still found below it. Nothing is looked up by name, so nobody else's process is touched.
"""

import ctypes
import os
import signal
import time

_SET_PARENT_DEATH_SIGNAL = 1
_SET_CHILD_SUBREAPER = 36


def _control(option, value):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl failed")


def adopt_orphans():
    """Makes this process the parent of every descendant whose own parent ends."""
    _control(_SET_CHILD_SUBREAPER, 1)


def end_with_parent():
    """Asks for SIGTERM when this process's parent ends."""
    parent = os.getppid()
    _control(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


def _parents():
    """Maps each living process to its parent; zombies are left out, they hold nothing."""
    parents = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        if fields and fields[0] not in (b"Z", b"X"):
            parents[int(entry)] = int(fields[1])
    return parents


def descendants():
    """Lists the living processes below this one."""
    parents = _parents()
    children = {}
    for process, parent in parents.items():
        children.setdefault(parent, []).append(process)
    found, queue = [], [os.getpid()]
    while queue:
        below = children.get(queue.pop(), [])
        found += below
        queue += below
    return sorted(found)


def wait_until_none(seconds):
    """Waits for the last descendant to end; returns those that are left after the time."""
    deadline = time.monotonic() + seconds
    while (left := descendants()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def describe(process):
    """One line about a process: its number and its command line."""
    try:
        with open(f"/proc/{process}/cmdline", "rb") as file:
            words = file.read(300).replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        words = "(gone)"
    return f"{process} {words}"


def end_all(seconds=5):
    """Ends every descendant: asks first, then insists."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in descendants():
            try:
                os.kill(process, number)
            except OSError:
                pass
        if not wait_until_none(seconds):
            return
