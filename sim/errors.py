"""Errors a user can mend: one clear message, never a traceback."""


class StudyError(ValueError):
    """A study can't be run as written; the message names the field and the remedy."""
