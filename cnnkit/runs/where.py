"""Choose runs by a condition such as `dataset=digits and epochs>=10`, which is parsed, never executed.

    condition   = all {"or" all}
    all         = one {"and" one}
    one         = "not" one | "(" condition ")" | field operator value
    operator    = "=" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "~"
    value       = a number, a word, a text in quotes, true, false or none

`~` asks whether a text contains another, in any case. A run that lacks a field matches `field=none`,
and no other comparison of that field.
"""

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from cnnkit.errors import SettingError, UnknownNameError

DEEPEST = 50  # "not" and parentheses within one another
LONGEST = 10_000  # characters
TOKEN = re.compile(
    r"""\s*(?:
    (?P<operator>==|!=|<=|>=|[=<>~])
    | (?P<bracket>[()])
    | (?P<quoted>'[^']*'|"[^"]*")
    | (?P<word>[^\s()=<>!~'"]+)
    )""",
    re.VERBOSE,
)
ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
CONSTANTS = {"true": True, "false": False, "none": None}
JOINING = ("and", "or", "not")

Facts = Mapping[str, Any]
Test = Callable[[Facts], bool]


class _Token(NamedTuple):
    kind: str  # "operator", "bracket", "quoted", "word" or "end"
    text: str
    start: int


@dataclass(frozen=True)
class Where:
    """A condition on runs.

    Attributes:
        text: The condition as it was written.
        fields: The position of the first mention of each field, by name.
        test: Says whether facts, a value for each field of a run, match.
    """

    text: str
    fields: Mapping[str, int]
    test: Test

    def choose(self, rows: Iterable) -> list:
        """Return the rows that match.

        Args:
            rows: Rows of runs, with `facts` as `cnnkit.runs.comparison.Row` has them.

        Returns:
            Those whose facts match, in the same order.

        Raises:
            SettingError: No row has one of the fields, or an order between a number and a text is
                asked for. The message marks the position.
        """
        rows = list(rows)
        known = {name for row in rows for name in row.facts}
        for name, position in self.fields.items():
            if rows and name not in known:
                raise _error(self.text, position, str(UnknownNameError("field", name, known)))
        return [row for row in rows if self.test(row.facts)]


def parse(text: str) -> Where:
    """Parse a condition.

    Args:
        text: The condition, in the language of this module.

    Returns:
        The condition, ready to choose runs.

    Raises:
        SettingError: It does not parse; the message marks where.

    >>> where = parse("dataset=digits and (epochs>=10 or not backend=jax)")
    >>> where.test({"dataset": "digits", "epochs": 3, "backend": "jax"})
    False
    >>> parse("epochs>=")
    Traceback (most recent call last):
        ...
    cnnkit.errors.SettingError: The condition is not understood at position 9: a value is missing.
      epochs>=
              ^
    """
    parser = _Parser(text)
    test = parser.condition(0)
    rest = parser.token
    if rest.kind != "end":
        raise _error(text, rest.start, f"`and` or `or` should stand here, not {rest.text!r}.")
    return Where(text, parser.fields, test)


class _Parser:
    """Reads a condition token by token, each function a rule of the language."""

    def __init__(self, text: str):
        self.text, self.fields = text, dict[str, int]()
        self.tokens, self.place = _tokens(text), 0

    @property
    def token(self) -> _Token:
        return self.tokens[self.place]

    def take(self) -> _Token:
        token = self.token
        self.place += token.kind != "end"
        return token

    def is_word(self, word: str) -> bool:
        return self.token.kind == "word" and self.token.text.lower() == word

    def condition(self, depth: int) -> Test:
        tests = [self.all_of(depth)]
        while self.is_word("or"):
            self.take()
            tests.append(self.all_of(depth))
        return lambda facts: any(test(facts) for test in tests)

    def all_of(self, depth: int) -> Test:
        tests = [self.one(depth)]
        while self.is_word("and"):
            self.take()
            tests.append(self.one(depth))
        return lambda facts: all(test(facts) for test in tests)

    def one(self, depth: int) -> Test:
        if depth > DEEPEST:
            raise _error(self.text, self.token.start, "it is nested too deeply.")
        if self.is_word("not"):
            self.take()
            inner = self.one(depth + 1)
            return lambda facts: not inner(facts)
        if self.token.text == "(" and self.token.kind == "bracket":
            opened = self.take()
            test = self.condition(depth + 1)
            if self.token.kind != "bracket" or self.token.text != ")":
                raise _error(self.text, opened.start, "this parenthesis is never closed.")
            self.take()
            return test
        return self.comparison()

    def comparison(self) -> Test:
        field = self.take()
        if field.kind != "word" or field.text.lower() in JOINING:
            raise _error(self.text, field.start, "the name of a field should stand here.")
        sign = self.take()
        if sign.kind != "operator":
            words = f"one of = != < <= > >= ~ should follow {field.text!r}."
            raise _error(self.text, sign.start, words)
        value = self.take()
        if value.kind not in ("word", "quoted"):
            raise _error(self.text, value.start, "a value is missing.")
        self.fields.setdefault(field.text, field.start)
        return self._test(field.text, sign.text, value)

    def _test(self, field: str, sign: str, token: _Token) -> Test:
        wanted = _value(token)
        if sign in ("=", "==", "!="):
            wants_equal = sign != "!="

            def is_same(facts: Facts) -> bool:
                found = facts.get(field)
                if found is None or wanted is None:
                    return (found is wanted) is wants_equal and (
                        wanted is None or found is not None
                    )
                return _equal(found, wanted, token.text) is wants_equal

            return is_same
        if sign == "~":
            part = str(token.text).strip("'\"").lower()
            return lambda facts: part in str(facts.get(field) or "").lower()

        def is_in_order(facts: Facts) -> bool:
            found = facts.get(field)
            if found is None:
                return False
            if _is_number(found) is not _is_number(wanted) or isinstance(wanted, bool):
                kind = "a number" if _is_number(found) else "no number"
                words = f"{field} is {kind} ({found!r}), so {token.text} says nothing of its order."
                raise _error(self.text, token.start, words)
            pair = (found, wanted) if _is_number(found) else (str(found), token.text.strip("'\""))
            return ORDERS[sign](*pair)

        return is_in_order


def _tokens(text: str) -> Sequence[_Token]:
    if len(text) > LONGEST:
        raise SettingError(f"A condition has at most {LONGEST:,} characters, not {len(text):,}.")
    tokens, place = [], 0
    while text[place:].strip():
        found = TOKEN.match(text, place)
        if found is None:
            start = place + len(text[place:]) - len(text[place:].lstrip())
            what = (
                "this quote is never closed." if text[start] in "'\"" else "`!` needs `=` after it."
            )
            raise _error(text, start, what)
        kind = found.lastgroup or ""
        tokens.append(_Token(kind, found[kind], found.start(kind)))
        place = found.end()
    return [*tokens, _Token("end", "", len(text))]


def _value(token: _Token) -> Any:
    if token.kind == "quoted":
        return token.text[1:-1]
    if token.text.lower() in CONSTANTS:
        return CONSTANTS[token.text.lower()]
    for number in (int, float):
        try:
            return number(token.text)
        except ValueError:
            continue
    return token.text


def _equal(found, wanted, raw: str) -> bool:
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    # A run may be called 2026: what reads as a number can be a text all the same.
    return found == wanted if _is_number(found) else str(found) == str(raw).strip("'\"")


def _is_number(value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _error(text: str, position: int, words: str) -> SettingError:
    line = text.replace("\n", " ").replace("\t", " ")
    return SettingError(
        f"The condition is not understood at position {position + 1}: {words}\n"
        f"  {line}\n  {' ' * position}^"
    )
