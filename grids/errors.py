"""Base of all errors that a user may catch."""

import re

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
"""Control characters that no person writes into a text; terminals obey some of them."""


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

    def __str__(self) -> str:
        """Return the message, with question marks for control characters, which a stranger's file name may have."""
        return CONTROL.sub("?", super().__str__())
