"""Base of all errors that a user may catch."""


class TielineError(Exception):
    """Error of a request that can't be carried out, or of a solver; the message names cause and remedy."""
