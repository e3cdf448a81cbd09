"""Output of a process, cut into lines."""

from bff_core.demo.lines import LONGEST, Lines


def test_lines_are_whole_however_the_bytes_come() -> None:
    """A line is given when its end has come, also when it came in pieces or cut inside a character."""
    lines = Lines()
    given = [lines.feed(bytes([byte])) for byte in "eins\r\nzwölf\n".encode()]
    assert [line for some in given for line in some] == ["eins", "zwölf"]
    assert lines.rest() == []


def test_several_lines_at_once_keep_their_order() -> None:
    """One piece of output may hold many lines."""
    assert Lines().feed(b"a\n\nb\nc") == ["a", "", "b"]


def test_the_unfinished_end_is_not_lost() -> None:
    """What a process said last without a line's end is given once."""
    lines = Lines()
    lines.feed(b"a\nTraceb")
    assert lines.rest() == ["Traceb"]
    assert lines.rest() == []


def test_a_line_without_end_is_cut() -> None:
    """Output without line ends cannot fill the memory."""
    lines = Lines()
    assert [len(line) for line in lines.feed(b"x" * (2 * LONGEST + 5))] == [LONGEST, LONGEST]
    assert lines.rest() == ["xxxxx"]


def test_bytes_that_are_no_text_are_replaced() -> None:
    """Undecodable output is shown as far as it can be."""
    assert Lines().feed(b"a\xffb\n") == ["a�b"]
