"""Demo room: what stops a demo command, as one sentence for the person at the terminal."""

from collections.abc import Sequence


class DemoProblem(Exception):
    """A command of the demo cannot do what was asked; the message is one sentence that says what to do next.

    ``exit_code`` is 1 when the world is not as needed (a taken port, no demo running) and 2 when the command
    itself was wrong (an unknown name, a number out of range). ``output`` are the last lines of a process's
    output that explain it: they may have scrolled away among the others'.
    """

    def __init__(self, sentence: str, *, exit_code: int = 1, output: Sequence[str] = ()) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.exit_code = exit_code
        self.output = tuple(output)

    def text(self) -> str:
        """What is printed: the output, indented, and the sentence below it."""
        return "\n".join([*(f"  {line}" for line in self.output), self.sentence])


def misuse(sentence: str) -> DemoProblem:
    """A problem of the command line or of the table: exit code 2."""
    return DemoProblem(sentence, exit_code=2)
