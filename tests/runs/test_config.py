"""`investigator.toml`: what it changes, and what is said of a file that does not hold together."""

from __future__ import annotations

from pathlib import Path

import pytest

from investigator.cli.planner_options import PlannerOptions
from investigator.cli.planning import planner_chosen
from investigator.errors import UsageError
from investigator.runs.config import FILE_NAME, load_config
from investigator.runs.engines import engine_named
from investigator.runs.planners import PlannerChoice
from investigator.runtime.llm_settings import ModelSettings

WHOLE = """
[planner]
planner = "hybrid"

[model]
model = "small"
base_url = "http://127.0.0.1:8080/v1"
price_in_per_mtok = 0.1
price_out_per_mtok = 0.4

[budget.incident]
wall_time_s = 600
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in the folder where a command runs."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / FILE_NAME
    path.write_text(WHOLE, encoding="utf-8")
    return path


def test_the_file_in_this_folder_is_read_and_changes_what_it_names(file: Path) -> None:
    """Limits by engine, all others as they are."""
    assert file.exists()
    config = load_config(None)
    assert config.budget_for("incident").wall_time_s == 600
    assert (
        config.budget_for("incident").iterations
        == engine_named("incident").default_budget.iterations
    )
    assert config.budget_for("rca") == engine_named("rca").default_budget


def test_flags_come_before_the_file(file: Path) -> None:
    """One by one; what no flag says stays as the file has it."""
    config = load_config(file)
    options = PlannerOptions(planner="model", base_url="http://127.0.0.1:9/v1")
    choice = planner_chosen(options, config)
    assert choice.planner == "model"
    assert choice.model is not None
    assert (choice.model.base_url, choice.model.price_in_per_mtok) == (options.base_url, 0.1)
    assert planner_chosen(PlannerOptions(planner="rules"), config).model is None


def test_another_model_has_no_price_of_the_one_in_the_file(file: Path) -> None:
    """It is asked at the same place."""
    choice = planner_chosen(PlannerOptions(planner="model", model=["other"]), load_config(file))
    assert choice.model is not None
    assert (choice.model.model, choice.model.price_in_per_mtok) == ("other", None)
    assert choice.model.base_url == "http://127.0.0.1:8080/v1"


def test_several_models_stand_from_strong_to_cheap(file: Path) -> None:
    """In the file or by flags; what one does not say it has from the first, but for a price."""
    file.write_text(f"{WHOLE}\n[[cheaper]]\nmodel = 'tiny'\nprovider = 'google'\n")
    config = load_config(file)
    choice = planner_chosen(PlannerOptions(planner="model"), config)
    assert [(m.model, m.provider, m.price_in_per_mtok) for m in choice.models] == [
        ("small", "openai", 0.1),
        ("tiny", "google", None),
    ]
    flags = planner_chosen(PlannerOptions(planner="model", model=["small", "less"]), config)
    assert [(m.model, m.base_url, m.price_in_per_mtok) for m in flags.models] == [
        ("small", "http://127.0.0.1:8080/v1", 0.1),
        ("less", "http://127.0.0.1:8080/v1", None),
    ]


def test_without_a_file_rules_decide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the default limits."""
    monkeypatch.chdir(tmp_path)
    config = load_config(None)
    assert planner_chosen(PlannerOptions(), config).planner == "rules"
    assert config.budget_for("rca") == engine_named("rca").default_budget


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[model\n", r"not TOML: .*line 1"),
        ("[modle]\n", r"modle: no such name"),
        ("[budget.rca]\nturns = 3\n", r"turns: no such name"),
        ("[budget.rca]\niterations = -1\n", r"iterations: Input should be greater"),
        ("[budget.report]\niterations = 1\n", r"budget.report"),
    ],
)
def test_a_file_that_does_not_hold_together_is_refused_with_its_place(
    file: Path, content: str, said: str
) -> None:
    """The file and the field."""
    file.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=said) as refused:
        load_config(None)
    assert FILE_NAME in str(refused.value)


def test_a_file_that_was_named_has_to_be_there(tmp_path: Path) -> None:
    """One that was not named need not."""
    with pytest.raises(UsageError, match=r"nowhere\.toml cannot be read"):
        load_config(tmp_path / "nowhere.toml")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (PlannerOptions(planner="model"), "needs a model"),
        (PlannerOptions(planner="magic"), "no planner 'magic'; there are: rules, model, hybrid"),
        (PlannerOptions(planner="model", model=["m"], base_url="ftp://x"), "base_url"),
        (PlannerOptions(planner="model", model=["m"], provider="acme"), "model.provider"),
        (PlannerOptions(model=["m"]), r"--model is about a model.* add --planner hybrid"),
        (PlannerOptions(base_url="http://x/v1"), "--base-url is about a model"),
        (PlannerOptions(provider="google", api_key_env="K"), "--provider, --api-key-env are about"),
    ],
)
def test_a_planner_that_cannot_be_is_refused(options: PlannerOptions, said: str) -> None:
    """With what is wrong about it."""
    with pytest.raises(UsageError, match=said):
        planner_chosen(options, load_config(Path("/dev/null")))


def test_a_model_that_stands_there_for_other_runs_is_no_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In the file, or in the environment, where typer has it from; `--planner rules` is plain."""
    file = tmp_path / "models.toml"
    file.write_text('[model]\nmodel = "m"\nbase_url = "http://x/v1"\n', encoding="utf-8")
    assert planner_chosen(PlannerOptions(), load_config(file)).planner == "rules"
    monkeypatch.setenv("INVESTIGATOR_MODEL", "strong weak")
    monkeypatch.setenv("INVESTIGATOR_BASE_URL", "http://x/v1")
    options = PlannerOptions(model=["strong", "weak"], base_url="http://x/v1")
    assert planner_chosen(options, load_config(file)).planner == "rules"
    plain = PlannerOptions(planner="rules", model=["other"])
    assert planner_chosen(plain, load_config(file)).planner == "rules"
    with pytest.raises(UsageError, match="--model is about a model"):
        planner_chosen(PlannerOptions(model=["other"]), load_config(file))


def test_a_model_without_a_planner_is_no_choice() -> None:
    """In Python, too."""
    with pytest.raises(ValueError, match="add planner='hybrid'"):
        PlannerChoice(model=ModelSettings(model="m"))
    assert PlannerChoice(planner="rules", model=ModelSettings(model="m")).planner == "rules"
