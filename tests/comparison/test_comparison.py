"""Comparisons of made-up runs against SciPy, statsmodels and pandas."""

import numpy as np
import pytest
from made_runs import CLASSES, ITEMS, LABELS, finished
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import DescrStatsW

import cnnkit
from cnnkit.comparison import comparison_of
from cnnkit.comparison.examples import examples_between
from cnnkit.comparison.recipes import recipe_differences
from cnnkit.errors import SettingError, UnknownNameError
from cnnkit.evaluation import MultiLabelEvaluation
from cnnkit.runs import predictions

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory):
    """Three recipes with three seeds each, of which the second is better and the third is not."""
    folder = tmp_path_factory.mktemp("runs")
    for seed in range(3):
        for name, accuracy, rate in (("a", 0.8, 0.01), ("b", 0.95, 0.02), ("c", 0.8, 0.03)):
            random = np.random.default_rng([seed, ord(name)])
            finished(
                folder, f"{name}{seed}", seed=seed, settings={"learning_rate": rate, "seed": seed},
                correct=random.random(ITEMS) < accuracy,
            )  # fmt: skip
    return folder


def test_runs_that_differ_in_their_seed_are_one_line(runs_dir):
    frame = cnnkit.compare(where="experiment=letters", runs_dir=runs_dir, baseline="a0")
    assert list(frame["learning_rate"]) == [0.01, 0.02, 0.03]
    assert list(frame["runs"]) == [3, 3, 3]
    assert list(frame["seeds"]) == ["0, 1, 2"] * 3
    assert list(frame["is_baseline"]) == [True, False, False]
    for row in frame.itertuples():
        name = "abc"[[0.01, 0.02, 0.03].index(row.learning_rate)]
        scores = [
            cnnkit.Run(runs_dir / "letters" / f"{name}{seed}").results["test"]["accuracy"]
            for seed in range(3)
        ]
        stats = DescrStatsW(scores)
        assert row.test == pytest.approx(stats.mean)
        low, high = stats.tconfint_mean()
        assert (row.test_low, row.test_high) == pytest.approx((low, min(1, high)))


def test_the_better_recipe_is_told_from_the_baseline_and_the_equal_one_is_not(runs_dir):
    frame = cnnkit.compare(where="experiment=letters", runs_dir=runs_dir, baseline="a0")
    better, equal = frame.iloc[1], frame.iloc[2]
    assert better["difference"] == pytest.approx(better["test"] - frame["test"][0])
    assert better["difference_low"] > 0.05
    assert better["p_holm"] < 0.01
    assert equal["p_holm"] > 0.1
    assert set(frame["paired_test"].dropna()) == {"bootstrap"}
    corrected = multipletests(frame["p_value"][1:], method="holm")[1]
    np.testing.assert_allclose(frame["p_holm"][1:].astype(float), corrected)


def test_two_single_runs_are_compared_by_mcnemar(runs_dir):
    frame = cnnkit.compare("a0", "b0", runs_dir=runs_dir)
    correct = [
        np.random.default_rng([0, ord(name)]).random(ITEMS) < accuracy
        for name, accuracy in (("b", 0.95), ("a", 0.8))
    ]
    only = (correct[0] & ~correct[1]).sum(), (~correct[0] & correct[1]).sum()
    table = [[0, only[0]], [only[1], 0]]
    assert frame["p_value"][1] == pytest.approx(mcnemar(table, exact=True).pvalue)
    assert frame["interval_over"][0] == f"{ITEMS} items"
    assert frame["test_low"][0] < frame["test"][0] < frame["test_high"][0]


def test_two_seeds_that_are_named_are_two_lines_and_three_are_one(runs_dir):
    assert list(cnnkit.compare("a0", "a1", runs_dir=runs_dir)["seeds"]) == ["0", "1"]
    assert len(cnnkit.compare("a0", "a1", "a2", runs_dir=runs_dir)) == 1
    assert len(cnnkit.compare("a0", "a1", "a2", runs_dir=runs_dir, each=True)) == 3
    assert len(cnnkit.compare("a0", "a1", runs_dir=runs_dir, each=False)) == 1


def test_a_baseline_that_was_not_chosen_is_added(runs_dir):
    frame = cnnkit.compare("b0", "c0", runs_dir=runs_dir, baseline="a2")
    assert list(frame["learning_rate"]) == [0.01, 0.02, 0.03]


def test_examples_are_those_that_one_gets_right_and_the_other_wrong(tmp_path):
    right = np.ones(ITEMS, bool)
    first, second = right.copy(), right.copy()
    first[[3, 8]], second[5] = False, False
    finished(tmp_path, "one", correct=first)
    finished(tmp_path, "two", correct=second, settings={"learning_rate": 1.0})
    baseline, other = comparison_of(["one", "two"], runs_dir=tmp_path).lines
    better, worse = examples_between(other.group, baseline.group, CLASSES)
    assert {each.item for each in better} == {3, 8}
    assert [each.item for each in worse] == [5]
    assert (worse[0].label, worse[0].first_answer) == (CLASSES[LABELS[5]], CLASSES[LABELS[5] + 1])
    assert worse[0].second_answer == worse[0].label


def test_what_differs_between_recipes_is_named(tmp_path):
    finished(tmp_path, "one", augment={"class_name": "RandomFlip"})
    finished(tmp_path, "two", settings={"learning_rate": 1.0}, batch_size=64, augment=None)
    finished(tmp_path, "three", settings={"learning_rate": 2.0}, augment={"class_name": "MixUp"})
    found = comparison_of(["one", "two", "three"], runs_dir=tmp_path)
    differences = {each.what: each.values for each in recipe_differences(found.lines)}
    order = [line.group.first.run.name for line in found.lines]
    rates = {"one": "0.01", "two": "1.0", "three": "2.0"}
    assert differences["settings.learning_rate"] == tuple(rates[name] for name in order)
    kinds = {"one": "RandomFlip", "two": "", "three": "MixUp"}
    assert differences["augment.class_name"] == tuple(kinds[name] for name in order)
    assert set(differences) == {
        "settings.learning_rate", "batch_size", "augment", "augment.class_name",
    }  # fmt: skip


def test_another_data_set_is_refused_unless_forced(tmp_path):
    finished(tmp_path, "one")
    finished(tmp_path, "two", dataset="digits", settings={"learning_rate": 1.0})
    with pytest.raises(SettingError, match=r"different data, 'letters' and 'digits'.*--force"):
        cnnkit.compare("one", "two", runs_dir=tmp_path)
    assert len(cnnkit.compare("one", "two", runs_dir=tmp_path, force=True)) == 2


@pytest.mark.parametrize("change", [{"test_hash": "t2"}, {"keeps_answers": False}])
def test_without_the_same_items_or_answers_there_is_no_paired_test(tmp_path, change):
    finished(tmp_path, "one")
    finished(tmp_path, "two", settings={"learning_rate": 1.0}, **change)
    frame = cnnkit.compare("one", "two", runs_dir=tmp_path)
    assert frame["p_value"].isna().all()
    assert any("Without a paired test" in each for each in frame.attrs["remarks"])


def test_a_run_without_a_test_is_left_out_and_named(tmp_path):
    finished(tmp_path, "one")
    cnnkit.Run.create(tmp_path, "letters", "begun").write_status("interrupted")
    frame = cnnkit.compare("one", "begun", runs_dir=tmp_path)
    assert len(frame) == 1
    assert "begun (interrupted)" in frame.attrs["remarks"][0]
    with pytest.raises(SettingError, match="None of the runs has a test score"):
        cnnkit.compare("begun", runs_dir=tmp_path)


def test_the_last_of_two_runs_with_one_seed_counts(tmp_path):
    finished(tmp_path, "old", seed=1, accuracy=0.5)
    finished(tmp_path, "other", seed=0)
    new = finished(tmp_path, "new", seed=1, accuracy=0.9)
    [line] = comparison_of(["old", "other", "new"], runs_dir=tmp_path).lines
    assert [row.run.name for row in line.group.rows] == ["other", new.name]


def test_nothing_to_compare_says_how_to_choose(tmp_path):
    with pytest.raises(SettingError, match="--where"):
        cnnkit.compare(runs_dir=tmp_path)
    with pytest.raises(UnknownNameError, match="no run under"):
        cnnkit.compare("nobody", runs_dir=tmp_path)
    finished(tmp_path, "one")
    with pytest.raises(SettingError, match="No run in .* matches 'epochs>100'"):
        cnnkit.compare(where="epochs>100", runs_dir=tmp_path)


def test_without_pandas_a_sentence_says_what_to_do(tmp_path, monkeypatch):
    finished(tmp_path, "one")
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(SettingError, match="pip install pandas"):
        cnnkit.compare("one", runs_dir=tmp_path)


def test_several_classes_an_item_are_compared_by_exact_matches(tmp_path):
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, (ITEMS, len(CLASSES)))
    exact = []
    for name, noise in (("one", 0.6), ("two", 0.3)):
        probabilities = np.clip(labels * 0.8 + 0.1 + random.normal(0, noise, labels.shape), 0, 1)
        evaluation = MultiLabelEvaluation(labels, probabilities, CLASSES)
        run = finished(tmp_path, name, settings={"noise": noise})
        run.write_json("results.json", {"test": evaluation.as_results(), "timing": {}})
        predictions.write(run, evaluation)
        exact.append(((probabilities > 0.5) == labels).all(axis=1))
    frame = cnnkit.compare("one", "two", runs_dir=tmp_path)
    scores = [cnnkit.Run(tmp_path / "letters" / name).results["test"] for name in ("one", "two")]
    assert list(frame["test"]) == [each["mean_average_precision"] for each in scores]
    assert frame["difference"][1] == pytest.approx(exact[1].mean() - exact[0].mean())
    only = (exact[1] & ~exact[0]).sum(), (~exact[1] & exact[0]).sum()
    expected = mcnemar([[0, only[0]], [only[1], 0]], exact=True).pvalue
    assert frame["p_value"][1] == pytest.approx(expected)
    baseline, other = comparison_of(["one", "two"], runs_dir=tmp_path).lines
    [first, *_], _ = examples_between(other.group, baseline.group, CLASSES)
    names = [name for name, part in zip(CLASSES, labels[first.item], strict=True) if part]
    assert first.first_answer == first.label == (", ".join(names) or "none")


def test_a_baseline_without_a_test_is_refused(tmp_path):
    finished(tmp_path, "one")
    cnnkit.Run.create(tmp_path, "letters", "begun").write_status("failed")
    with pytest.raises(SettingError, match="baseline begun has no test score"):
        cnnkit.compare("one", runs_dir=tmp_path, baseline="begun")
