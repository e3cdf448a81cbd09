"""The error of the contract room: a declaration that cannot work stops the start."""


class DeclarationError(Exception):
    """A declaration that cannot work; the message says which one and what it lacks."""
