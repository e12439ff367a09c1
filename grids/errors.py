"""The base of all errors that a user may catch."""


class TielineError(Exception):
    """Something that can't be done as asked, or a solver without an answer; the message names what, and the remedy."""
