"""tools/finetune.py with a MultiBox config: a whole run makes a model file that proposes."""

from pathlib import Path

import pytest
import torch
import yaml

from detection.build.multibox import load_multibox
from tests.detection.datasets.trees import write_voc
from tests.detection.rectangles import rectangles, small_multibox_config, write_backbone
from tools.finetune import main


def test_a_config_with_a_section_multibox_makes_a_multibox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    photos = {f"{n:02}": [("red", 5, 5, 20, 25)] for n in range(3)}
    voc = write_voc(tmp_path / "VOC", photos, {"trainval": photos, "val": ["00"]})
    weights = write_backbone(tmp_path / "narrow.safetensors")
    config = small_multibox_config(weights, {"priors": 20, "image_size": 64, "negatives": 8}, {"steps": 2})
    Path("small.yaml").write_text(yaml.safe_dump(config.model_dump(mode="json")))
    arguments = ["small.yaml", "--data", str(voc), "--out", "mine", "--device", "cpu"]
    assert main(arguments) == 0
    told = capsys.readouterr().out
    assert f"propose.py --data {voc} --method multibox --multibox-model mine/last.safetensors --report" in told
    assert "--set proposals.multibox=200 --set proposals.multibox_model=mine/last.safetensors" in told
    assert len(load_multibox("mine/last.safetensors", top=5, device=torch.device("cpu"))(rectangles(1).images[0])) > 0
    assert main(arguments) == 2
    assert "mine holds a run already" in capsys.readouterr().err
    assert main([*arguments, "--resume"]) == 0
    assert main([*arguments[:-4], "--out", "other", "--set", "training.patience=3"]) == 2
    assert "training.patience: the training of a MultiBox does not know it" in capsys.readouterr().err
    assert main(["--verify", "mine", *arguments[1:3], "--device", "cpu"]) == 0
    assert "equal: the first 2 steps of mine" in capsys.readouterr().err
