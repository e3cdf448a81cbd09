"""Demo room: bytes of a process's output in, whole lines out."""

LONGEST = 65_536


class Lines:
    """Cuts a stream of bytes into lines of text.

    Undecodable bytes are replaced, and a line longer than 64 KiB is cut there, so that no output can stop the
    demo.
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """The lines that ``data`` completes, in order, without their ends."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        while len(self._rest) >= LONGEST:
            whole.append(self._rest[:LONGEST])
            self._rest = self._rest[LONGEST:]
        return [_text(line) for line in whole]

    def rest(self) -> list[str]:
        """What is left when the stream ends: one unfinished line, or nothing."""
        rest, self._rest = self._rest, b""
        return [_text(rest)] if rest else []


def _text(line: bytes) -> str:
    return line.rstrip(b"\r").decode(errors="replace")
