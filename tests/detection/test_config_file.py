"""Configs: defaults, overrides, and errors that say where, what and what else."""

from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from backbone.classification.recipe import PretrainingConfig
from backbone.googlenet import GoogLeNet
from detection.config import Config, Stage
from detection.config_file import ConfigError, change_config, read_config, stored_config
from tests.conftest import REPOSITORY


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_states_only_what_differs(tmp_path: Path) -> None:
    path = write(tmp_path, "data: {class_names: [cat, dog]}\ntraining:\n  steps: 7\n  learning_rate: 1e-3\nranking:\n")
    config = read_config(path)
    assert config.data.class_names == ("cat", "dog")
    assert (config.training.steps, config.training.learning_rate) == (7, 0.001)
    assert config.ranking == Config().ranking
    assert config.training.batch_size == 128


@pytest.mark.parametrize("text", ["", "# nothing\n", "training: {}\n", "training:\n"])
def test_an_empty_file_is_the_published_values(tmp_path: Path, text: str) -> None:
    assert read_config(write(tmp_path, text)) == Config()


def test_what_travels_names_no_folder_of_a_private_disk(tmp_path: Path) -> None:
    data = {"train_split": f"{tmp_path}/mine.txt+val", "validation_split": 0.2, "blacklist": "lists/bad.txt"}
    backbone = {"weights": str(tmp_path / "some.caffemodel"), "frozen": "stem"}
    private = Config.model_validate({"data": data, "backbone": backbone})
    public = private.public()
    assert public.data.train_split == "mine.txt+val"
    assert (public.data.validation_split, public.data.blacklist) == (0.2, "lists/bad.txt")
    assert (public.backbone.weights, public.backbone.frozen) == ("some.caffemodel", "stem")
    assert private.data.train_split == data["train_split"]
    assert Config().public() == Config()


def test_the_published_values() -> None:
    training = Config().training
    assert (training.batch_size, training.positives, training.positive_overlap) == (128, 0.25, 0.5)
    assert (training.learning_rate, training.momentum, training.weight_decay) == (0.001, 0.9, 5e-4)
    assert (Config().regions.size, Config().regions.context, Config().detection.suppression) == (224, 16, 0.3)


@pytest.mark.parametrize("path", sorted((REPOSITORY / "configs").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_configs_of_the_project_can_be_read(path: Path) -> None:
    if path.stem.startswith("pretrain"):  # of a network, not of a detector
        read_config(path, schema=PretrainingConfig)
    else:
        read_config(path)


IDLE = {
    "support": ("detection: {support: true}", "detection.voting=0.5", "detection.support: without detection.voting"),
    "localisation": (
        "detection: {box_regression: none, localisation_confidence: 0.5}",
        "detection.box_regression=learned",
        "detection.localisation_confidence: with detection.box_regression=none no box is moved",
    ),
    "mode": (
        "proposals: {engine: selectivesearch-package, mode: rcnn-quality}",
        "proposals.engine=selective-search",
        "proposals.mode: the engine selectivesearch-package has no modes",
    ),
    "multibox": (
        "proposals: {multibox_model: mine.safetensors}",
        "proposals.multibox=200",
        "proposals.multibox_model: none of the boxes of mine.safetensors are asked for: set proposals.multibox too",
    ),
}


@pytest.mark.parametrize(("text", "mended", "message"), IDLE.values(), ids=IDLE.keys())
def test_settings_that_would_change_nothing_are_refused(tmp_path: Path, text: str, mended: str, message: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    assert str(caught.value).startswith(f"{path}, line 1: {message}")
    assert read_config(path, [mended])


def test_what_a_model_holds_and_does_not_use_stays(tmp_path: Path) -> None:
    """It loads, and another setting may be changed; what is asked for anew must change something."""
    values = Config().model_dump(mode="json")
    values["detection"] |= {"support": True, "box_regression": "none", "localisation_confidence": 0.5}
    stored = stored_config(values, tmp_path)
    assert stored.detection.support
    assert change_config(stored, ["detection.floor=0.2"]).detection.localisation_confidence == 0.5
    assert change_config(stored, ["detection.voting=0.5"]).detection.support
    for option in ("", "--set "):
        with pytest.raises(ConfigError, match=f"^{option}detection.support=true: detection.support: without detection"):
            change_config(stored, ["detection.support=true"], option=option)


def test_voting_of_a_model_can_be_left_out_alone() -> None:
    model = read_config(REPOSITORY / "configs/voc5.yaml")
    assert model.detection.support
    changed = change_config(model, ["detection.voting=null", "detection.box_regression=none"]).detection
    assert (changed.voting, changed.box_regression) == (None, "none")


def test_overrides_go_over_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "training: {steps: 7}\n")
    sets = [
        "training.steps=8",
        "training.steps=9",
        "data.class_names=[a, b]",
        "ranking.top=null",
        "training.momentum=0",
    ]
    config = read_config(path, [*sets, "backbone.weights=a=b.caffemodel", "training.learning_rate=2e-3"])
    assert config.training.steps == 9
    assert config.data.class_names == ("a", "b")
    assert config.ranking.top is None
    assert config.backbone.weights == "a=b.caffemodel"
    assert config.training.learning_rate == 0.002


def test_a_config_survives_a_model_file(tmp_path: Path) -> None:
    config = read_config(write(tmp_path, "data: {class_names: [cat]}\nranking: {top: 5}\n"))
    assert Config.model_validate(config.model_dump(mode="json")) == config


FAULTS = {
    "unknown key": ("training:\n  stepz: 5\n", r"line 2: training has no key 'stepz'; did you mean 'steps'\?"),
    "unknown section": ("\n\ntrainning: {}\n", r"line 3: no section 'trainning'; did you mean 'training'\?"),
    "text for a number": ("training:\n\n  steps: many\n", "line 3: training.steps: .*integer.*, got 'many'"),
    "fraction for a count": ("training: {steps: 2.5}\n", "line 1: training.steps: .*integer.*, got 2.5"),
    "yes for a number": ("training: {steps: yes}\n", "line 1: training.steps: .*integer.*, got True"),
    "number for yes or no": ("training: {photometric: 1}\n", "training.photometric: .*boolean, got 1"),
    "out of range": ("training: {positives: 1.5}\n", "training.positives: .*less than or equal to 1, got 1.5"),
    "seed below 0": ("training:\n  seed: -1\n", "line 2: training.seed: .*greater than or equal to 0, got -1"),
    "seed that overflows": ("ranking: {seed: 20260101123456}\n", "ranking.seed: .*less than 4294967296, got 2026"),
    "infinite": ("training: {learning_rate: .inf}\n", "training.learning_rate: .*finite number, got inf"),
    "choice": ("proposals:\n  mode: fast\n", "line 2: proposals.mode: .*'rcnn-fast', .* or 'single', got 'fast'"),
    "stage": ("backbone: {frozen: 6a}\n", "line 1: backbone.frozen: .*'stem', '3a', .* got '6a'"),
    "class that YAML reads as no": (
        "data:\n  class_names: [cat, no]\n",
        r"line 2: data.class_names: no is no text in YAML: quote it, as 'no', got \['cat', False\]",
    ),
    "class that YAML reads as nothing": (
        "data: {class_names: [null]}\n",
        "null is no text in YAML: quote it",
    ),
    "class that is a number": ("data: {class_names: [2]}\n", "2 is no text in YAML: quote it, as '2'"),
    "class that is no list": ("data: {class_names: car}\n", r"data.class_names: must be a list: \[car\], got 'car'"),
    "no classes": ("data: {class_names: []}\n", "line 1: data.class_names: .*at least 1 item"),
    "section that is a number": ("training: 5\n", "line 1: training: .*, got 5"),
    "list for a file": ("- training\n", r"expected sections \(data, .*detection\), got list"),
    "number for a file": ("12\n", "expected sections .* got int"),
    "twice": ("training:\n  steps: 1\n  seed: 2\n  steps: 3\n", "line 4: training.steps stands twice"),
    "section twice": ("training: {}\ndata: {}\ntraining: {}\n", "line 3: training stands twice"),
    "no YAML": ("training: [\n", "not YAML: .*line 2"),
    "key that is a list": ("[a]: 3\n", "not YAML|no section"),
    "key that is a number": ("training: {5: 3}\n", "line 1: .*"),
}


@pytest.mark.parametrize(("text", "message"), FAULTS.values(), ids=FAULTS.keys())
def test_faults_name_the_line_the_key_and_the_choices(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError, match=message) as caught:
        read_config(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "schema"),
    [
        ("proposals.seed", Config),
        ("ranking.seed", Config),
        ("training.seed", Config),
        ("recipe.seed", PretrainingConfig),
        ("network.initialisation_seed", PretrainingConfig),
    ],
)
def test_a_seed_is_a_number_that_every_generator_takes(tmp_path: Path, key: str, schema: type[BaseModel]) -> None:
    path = write(tmp_path, "")
    read_config(path, [f"{key}={2**32 - 1}"], schema)
    for value in (-1, 2**32):
        with pytest.raises(ConfigError, match=rf"--set {key}={value}: {key}: .*, got {value}"):
            read_config(path, [f"{key}={value}"], schema)


OVERRIDES = {
    "training": "expected section.key=value; sections: data, backbone, proposals",
    "training=5": "expected section.key=value",
    "steps=5": "expected section.key=value",
    "trainin.steps=5": "no section 'trainin'; did you mean 'training'?",
    "training.step=5": "training has no key 'step'; did you mean 'steps'? There are: accumulate, average, ",
    "training.steps.more=5": "training has no key 'steps.more'",
    "training.=5": "training has no key ''",
    "training.steps=many": "training.steps: input should be a valid integer, got 'many'",
    "training.steps=": "training.steps: input should be a valid integer, got None",
    "training.steps=[": "'[' is not YAML",
    "ranking.stage=9z": "ranking.stage: input should be 'stem'",
}


@pytest.mark.parametrize(("override", "message"), OVERRIDES.items(), ids=OVERRIDES.keys())
def test_faults_of_overrides_name_the_override(tmp_path: Path, override: str, message: str) -> None:
    path = write(tmp_path, "training:\n  steps: 5\n")
    with pytest.raises(ConfigError) as caught:
        read_config(path, ["training.seed=1", override])
    assert str(caught.value).startswith(f"--set {override}: {message}")
    assert "\n" not in str(caught.value)


def test_a_fault_of_the_file_is_told_even_where_an_override_is_right(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"line 1: training: .*, got 5"):
        read_config(write(tmp_path, "training: 5\n"), ["training.steps=5"])


def test_a_file_that_is_not_there_is_told_with_its_neighbours(tmp_path: Path) -> None:
    write(tmp_path, "")
    with pytest.raises(FileNotFoundError, match=r"no config file .*mime\.yaml; in .* there is mine\.yaml"):
        read_config(tmp_path / "mime.yaml")


def test_a_file_that_is_not_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "photo.yaml"
    path.write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(ConfigError, match=r"photo\.yaml: not YAML"):
        read_config(path)


def test_the_stages_are_those_of_the_network() -> None:
    assert get_args(Stage) == GoogLeNet.STAGES
