"""Demo room: the leash, a small process of its own that leaves no orphan however the supervisor ends.

Theory. The supervisor holds the writing end of a pipe, the leash the reading end. Whatever ends the
supervisor, also SIGKILL, the kernel closes the writing end; the leash reads end-of-file and ends every
process group that it has been told of: SIGTERM, a grace, SIGKILL. Unlike a parent-death signal this reaches
grandchildren and processes that ignore SIGTERM, and it works wherever there are pipes.

A process is reported before it can do anything: ``hold`` runs in the new process itself, writes its own group
id into the pipe, marks the pipe to be closed on exec, and becomes the command. So there is no moment in which
the supervisor can die between starting a process and reporting it.

This file is run by path, by an interpreter that skips ``site``; it imports the standard library only.
"""

import os
import signal
import sys
import time

POLL_S = 0.05


def hold(pipe: int, command: list[str]) -> None:
    """Report this process group to the leash, then become ``command``; exit code 127 if it cannot be run."""
    # Shorter than PIPE_BUF, so lines of processes starting at once are never mixed.
    os.write(pipe, b"+%d\n" % os.getpid())
    os.set_inheritable(pipe, False)
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell is what is wanted
    except OSError as error:
        print(f"cannot run {command[0]}: {error.strerror}", file=sys.stderr)
        sys.exit(127)


def watch(pipe: int, grace_s: float) -> None:
    """Keep the list of groups until the pipe closes, then end what is left of them."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.write(1, b"ready\n")
    groups: set[int] = set()
    with os.fdopen(pipe, "rb") as lines:
        for line in lines:
            sign, group = line[:1], int(line[1:])
            if sign == b"+":
                groups.add(group)
            else:
                groups.discard(group)
    end_groups(groups, grace_s)


def end_groups(groups: set[int], grace_s: float) -> None:
    """SIGTERM to each group, and SIGKILL to those that are still there after ``grace_s`` seconds."""
    left = {group for group in groups if signal_group(group, signal.SIGTERM)}
    deadline = time.monotonic() + grace_s
    while left and time.monotonic() < deadline:
        time.sleep(POLL_S)
        left = {group for group in left if signal_group(group, 0)}
    for group in left:
        signal_group(group, signal.SIGKILL)


def signal_group(group: int, number: int) -> bool:
    """Send a signal to a process group; False when there is no such group any more."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        # PermissionError is what macOS says of a group of which only zombies are left.
        return False
    return True


if __name__ == "__main__":
    if sys.argv[1] == "hold":
        hold(int(sys.argv[2]), sys.argv[3:])
    else:
        watch(int(sys.argv[2]), float(sys.argv[3]))
