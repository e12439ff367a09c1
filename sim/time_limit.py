"""Answers of agents within a time limit, each asked in a thread; after one without an answer the hour goes on."""

from collections.abc import Callable, Sequence
from threading import Thread
from time import monotonic
from typing import Any, TypeVar

from grids.errors import TielineError

Answer = TypeVar("Answer")

given_up: list[Callable[[], bool]] = []
"""Checks, one for each thread that is no longer waited for, whether it is still at work."""

POLL_S = 0.5
"""Time between two checks for the next answer and for Ctrl-C. [s]"""

LONGEST_MESSAGE = 200
"""Characters of a foreign message that are passed on."""


class NoAnswerError(TielineError, RuntimeError):
    """An agent or device did not answer in time."""


class WrongAnswerError(TielineError, ValueError):
    """An answer that can't be meant; the message names its fault."""


def answers_within(seconds: float, questions: Sequence[Callable[[], Any]]) -> list[Any]:
    """Return the answer to every question, or the exception it raised.

    They are asked one after the other, in a thread; where one is given up, the others are asked in a new one.

    Parameters
    ----------
    seconds : float
        Time for each answer. [s]
    questions : sequence of callables
        The questions.

    Raises
    ------
    KeyboardInterrupt
        If it was pressed.
    """
    answers: list[Any] = []
    while len(answers) < len(questions):
        thread = _Answering(questions[len(answers) :])
        answers += thread.answers_within(seconds)
    for answer in answers:
        if isinstance(answer, KeyboardInterrupt):
            raise answer
    return answers


def answer_within(seconds: float, question: Callable[[], Answer]) -> Answer:
    """Return the answer to one question.

    Raises
    ------
    NoAnswerError
        If there is none in time.
    BaseException
        Whatever the question raises.
    """
    answer: Answer | BaseException
    (answer,) = answers_within(seconds, [question])
    if isinstance(answer, BaseException):
        raise answer
    return answer


def somebody_is_at_work() -> bool:
    """Return whether a thread that was given up is still at work; the interpreter can't end by itself then."""
    return any(is_at_work() for is_at_work in given_up)


def in_words(error: BaseException) -> str:
    """Return an error in one line: foreign code may have raised it, in many words."""
    kind, message = type(error), " ".join(str(error).split())
    own = kind.__module__.partition(".")[0] in {"sim", "agents", "grids"}  # their messages are sentences
    return (message if own and message else f"{kind.__name__}: {message}".removesuffix(": "))[:LONGEST_MESSAGE]


class _Answering(Thread):
    """Thread that asks some questions; it does not keep the process from ending."""

    def __init__(self, questions: Sequence[Callable[[], Any]]) -> None:
        super().__init__(daemon=True)
        self._questions, self._over = questions, False
        self._answers: list[Any] = []

    def run(self) -> None:
        for question in self._questions:
            if self._over:
                return
            try:
                self._answers.append(question())
            except BaseException as error:  # Rust libraries panic with one that is no Exception
                self._answers.append(error)

    def answers_within(self, seconds: float) -> list[Any]:
        """Return the answers up to the first that does not come in time, which is a `NoAnswerError`."""
        self.start()
        heard, deadline = 0, monotonic() + seconds
        try:
            while self.is_alive():
                self.join(min(POLL_S, max(deadline - monotonic(), 0.0)))
                if len(self._answers) > heard:
                    heard, deadline = len(self._answers), monotonic() + seconds
                elif monotonic() >= deadline and self.is_alive():
                    break
        finally:
            self._over = True
            if self.is_alive():
                given_up.append(self.is_alive)
        answers = [*self._answers]
        if len(answers) < len(self._questions):
            answers.append(NoAnswerError(f"no answer within {seconds:g} s"))
        return answers
