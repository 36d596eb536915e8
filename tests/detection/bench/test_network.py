import torch

from detection.bench.network import CPU, OURS, PEER, Load, bench_network, inference_ways, training_ways

LOAD = Load(crops=2, size=32, batches=1)


def test_inference_and_training_are_raced_in_each_precision() -> None:
    races = bench_network(load=LOAD, dtypes=[torch.float32])
    assert [race.title.split(", cpu")[0] for race in races] == ["inference, float32", "training step, float32"]
    for race in races:
        assert [timing.name for timing in race.timings] == [*OURS, PEER]
        assert (race.baseline, race.units) == (PEER, 2)


def test_every_network_gives_finite_logits_of_the_crops() -> None:
    crops = torch.randn(2, 3, 32, 32)
    for name, infer in inference_ways(CPU, torch.bfloat16).items():
        logits = infer(crops.bfloat16())
        assert logits.shape == (2, 1000), name
        assert torch.isfinite(logits).all(), name


def test_a_training_step_changes_the_weights() -> None:
    for name, step in training_ways(CPU, torch.float32).items():
        network = step.args[0]
        before = [parameter.clone() for parameter in network.parameters()]
        step(torch.randn(2, 3, 64, 64))
        changed = [not torch.equal(*pair) for pair in zip(before, network.parameters(), strict=True)]
        assert all(changed), name
