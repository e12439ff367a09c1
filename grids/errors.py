"""Base of all errors that a user may catch."""


class TielineError(Exception):
    """Error of a request that can't be carried out, or of a solver; the message names cause and remedy.

    Examples
    --------
    >>> import tieline as tl
    >>> try:
    ...     tl.load_study("microgrid34")
    ... except tl.TielineError as error:
    ...     print(str(error)[:27])
    unknown study 'microgrid34'
    """
