"""Conditions on runs, against Python's own evaluation of the same tree."""

import re
from dataclasses import dataclass

import pytest
from hypothesis import given, settings, strategies as st

from cnnkit.errors import SettingError
from cnnkit.runs.where import parse

pytestmark = pytest.mark.once

NUMBERS = {"epochs": 10, "learning_rate": 3e-3, "results.test.accuracy": 0.98}
TEXTS = {"dataset": "digits", "experiment": "digits_lenet5", "widths": "[16, 32]"}
FACTS = NUMBERS | TEXTS | {"pool": None, "augment": True}
ORDERS = {
    "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b, "=": lambda a, b: a == b, "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}  # fmt: skip

comparisons = st.one_of(
    st.tuples(
        st.sampled_from(sorted(NUMBERS)), st.sampled_from(sorted(ORDERS)),
        st.one_of(st.integers(-20, 20), st.floats(-20, 20), st.sampled_from([*NUMBERS.values()])),
    ),
    st.tuples(
        st.sampled_from(sorted(TEXTS)), st.sampled_from(sorted(ORDERS)),
        st.one_of(st.sampled_from([*TEXTS.values()]), st.text("abcdgst_ ()=<>!~", max_size=9)),
    ),
)  # fmt: skip
trees = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.tuples(st.just("not"), inner),
        st.tuples(st.sampled_from(["and", "or"]), inner, inner),
    ),
    max_leaves=8,
)


def written(tree):
    """A condition in words, with all parentheses."""
    if tree[0] == "not":
        return f"not ({written(tree[1])})"
    if tree[0] in ("and", "or"):
        return f"({written(tree[1])}) {tree[0]} ({written(tree[2])})"
    field, sign, value = tree
    return f"{field} {sign} {value!r}" if isinstance(value, str) else f"{field}{sign}{value!r}"


def evaluated(tree):
    if tree[0] == "not":
        return not evaluated(tree[1])
    if tree[0] == "and":
        return evaluated(tree[1]) and evaluated(tree[2])
    if tree[0] == "or":
        return evaluated(tree[1]) or evaluated(tree[2])
    return ORDERS[tree[1]](FACTS[tree[0]], tree[2])


@given(trees)
@settings(deadline=None)
def test_a_condition_means_what_python_means(tree):
    assert parse(written(tree)).test(FACTS) is evaluated(tree)


@given(st.text("abe =<>!~()'\"1.andort\n", max_size=40))
@settings(deadline=None)
def test_any_text_is_parsed_or_refused_with_its_position(text):
    try:
        where = parse(text)
    except SettingError as error:
        _, line, mark = str(error).rsplit("\n", 2)
        assert mark.strip() == "^"
        assert len(mark) - 2 - 1 <= len(text)
        assert line[2:] == text.replace("\n", " ")
    else:
        assert where.fields


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("dataset=digits and epochs>=10", True),
        ("dataset=digits and epochs>10 or augment=true", True),
        ("dataset=digits and (epochs>10 or augment=false)", False),
        ("NOT dataset=digits", False),
        ("experiment~LENET", True),
        ("pool=none", True),
        ("pool!=none", False),
        ("augment != none", True),
        ("pool=max or pool!=max", False),
        ("results.test.accuracy>0.9", True),
        ('widths="[16, 32]"', True),
        ("learning_rate=0.003", True),
        ("learning_rate=3e-3", True),
    ],
)
def test_conditions_that_people_write(text, matches):
    assert parse(text).test(FACTS) is matches


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("", 1, "the name of a field"),
        ("epochs>=", 9, "a value is missing"),
        ("epochs", 7, "should follow 'epochs'"),
        ("epochs 3", 8, "should follow 'epochs'"),
        ("epochs=3 dataset=digits", 10, "`and` or `or`"),
        ("epochs=3 and", 13, "the name of a field"),
        ("and epochs=3", 1, "the name of a field"),
        ("(epochs=3", 1, "never closed"),
        ("epochs=3)", 9, "`and` or `or`"),
        ("dataset='digits", 9, "quote is never closed"),
        ("epochs!3", 7, "`!` needs `=`"),
        ("__import__('os')", 11, "should follow"),
        ("(" * 60 + "a=1" + ")" * 60, 52, "nested too deeply"),
    ],
)
def test_a_mistake_is_marked_where_it_is(text, position, words):
    with pytest.raises(SettingError) as error:
        parse(text)
    message = str(error.value)
    assert f"at position {position}: " in message
    assert words in message
    assert message.splitlines()[-1].index("^") == 2 + position - 1


@dataclass
class Row:
    facts: dict


def test_a_field_that_no_run_has_is_named_with_the_nearest():
    where = parse("dataset=a  and epoch=3")
    with pytest.raises(SettingError, match=r"position 16: .*'epoch'; did you mean 'epochs'"):
        where.choose([Row(FACTS)])
    assert where.choose([]) == []


@pytest.mark.parametrize("text", ["epochs>ten", "epochs < true", "dataset>3"])
def test_the_order_of_a_number_and_a_word_is_refused(text):
    with pytest.raises(SettingError, match="says nothing of its order") as error:
        parse(text).choose([Row(FACTS)])
    assert re.search(r"\n {2,}\^$", str(error.value))
