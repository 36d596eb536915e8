from detection.training.early_stop import Validations


def test_validations_without_gain_end_a_run() -> None:
    """An equal score is kept, as its model has seen more, but is no gain."""
    one = Validations(patience=2)
    assert [one.add(step, score) for step, score in ((10, 0.4), (20, 0.3), (30, 0.5))] == [True, False, True]
    assert (one.best, one.without_gain, one.exhausted) == (0.5, 0, False)
    assert one.add(40, 0.5)
    assert not one.exhausted
    assert not one.add(50, 0.4)
    assert one.exhausted


def test_without_patience_a_run_goes_to_its_end() -> None:
    one = Validations()
    for step in range(100):
        one.add(step, 0.0)
    assert not one.exhausted


def test_a_state_is_restored() -> None:
    one, other = Validations(3), Validations(3)
    for step, score in ((10, 0.4), (20, 0.3)):
        one.add(step, score)
    other.load_state_dict(one.state_dict())
    assert vars(other) == vars(one)
