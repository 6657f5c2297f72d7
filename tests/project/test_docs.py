"""The pages of docs/ say what the code says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from argo_flow.graph.retry_expression import VARIABLES, evaluate_retry_expression
from bridge.agent_settings import AgentSettings
from bridge.settings import BridgeSettings
from bridge.steps.registry import Registry
from crossover.cli.flags.command import flags
from crossover.cli.plugin import settings as sidecar
from crossover.cli.step.settings import SETTINGS
from crossover.contract.run import ExitCode
from crossover.errors import TABLE, Busy
from crossover.flags.lint import shadowed
from crossover.flags.schema import read_document
from crossover.identity import REQUIRED_ROLE, StaticTokens
from crossover.identity.identity_file import read_identity_file
from crossover.settings import ServiceSettings
from docs import generate
from docs.pages import errors, metrics, step
from log_streamer.api.parameters import NAMES, Format
from log_streamer.feed.frames import EndReason
from log_streamer.model import Reason
from log_streamer.settings import LogStreamerSettings
from log_streamer.tenants import read_tenants
from tests.argo.conftest import GIVEN
from tests.cluster.site import IMAGE, TRIAL_IMAGE
from tests.project.files import ROOT, pages

DOCS = ROOT / "docs"
PREFIX = str(BridgeSettings.model_config["env_prefix"])


def read(name: str) -> str:
    return (DOCS / name).read_text()


def fenced(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", generate.PAGES)
def test_a_generated_page_is_what_the_code_says(name: str) -> None:
    assert read(name) == generate.PAGES[name](), "run `make docs`"


def test_the_check_writes_nothing_and_fails_until_the_pages_are_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate.main(["--check"], tmp_path) == 1
    assert list(tmp_path.iterdir()) == []
    assert generate.main([], tmp_path) == 0
    assert generate.main(["--check"], tmp_path) == 0
    (tmp_path / "step.md").write_text("edited by hand")
    capsys.readouterr()
    assert generate.main(["--check"], tmp_path) == 1
    assert capsys.readouterr().out == "docs/step.md is not what the code says: run `make docs`\n"


def test_the_environment_does_not_show_in_the_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {name: render() for name, render in generate.PAGES.items()}
    monkeypatch.setenv(PREFIX + "PORT", "1234")
    monkeypatch.setenv(PREFIX + "TOKENS_FILE", "absent.json")
    monkeypatch.setenv("CROSSOVER_SCOPE", "attempt")
    assert {name: render() for name, render in generate.PAGES.items()} == before


@pytest.mark.parametrize("settings", [BridgeSettings, LogStreamerSettings])
def test_every_setting_is_documented(settings: type[ServiceSettings]) -> None:
    page, prefix = read("settings.md"), settings.model_config["env_prefix"]
    missing = [name for name in settings.model_fields if f"`{prefix}{name.upper()}`" not in page]
    assert missing == []


def test_every_error_is_documented_with_its_status_and_exit_code() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| (\d+) \| (\d+) \| (\w+) \|", read("errors.md"), re.MULTILINE)
    assert rows == [
        (row.kind, str(row.status), str(int(row.exit_code)), row.plugin) for row in TABLE.values()
    ]


def test_an_error_without_advice_stops_the_generation() -> None:
    advice = {error: text for error, text in errors.ADVICE.items() if error is not Busy}
    with pytest.raises(ValueError, match="Busy"):
        errors.render(advice)


@pytest.mark.parametrize("service", ["bridge", "log_streamer"])
def test_every_metric_is_documented(service: str) -> None:
    named = set(re.findall(r'"(crossover_\w+)"', (ROOT / service / "metrics.py").read_text()))
    page = read("metrics.md")
    assert len(named) >= 6
    assert [name for name in sorted(named) if f"`{name}" not in page] == []


@pytest.mark.parametrize("service", metrics.SERVICES)
def test_a_metric_without_a_text_stops_the_generation(service: str) -> None:
    source, recorders, texts = metrics.SERVICES[service]
    fewer = dict(list(texts.items())[1:])
    (left_out,) = texts.keys() - fewer.keys()
    with pytest.raises(ValueError, match=left_out):
        metrics.rows_of(source, recorders, fewer)


def test_every_flag_of_the_step_is_documented_with_its_variable() -> None:
    page = read("step.md")
    for setting in SETTINGS.values():
        assert re.search(rf"^\| `{setting.flag} .*`{setting.environment}`", page, re.MULTILINE), setting.name


def test_every_exit_code_is_documented() -> None:
    codes = re.findall(r"^\| (\d+) \|", read("step.md"), re.MULTILINE)
    assert [int(code) for code in codes] == [code.value for code in ExitCode]


def tried_again(expression: str, exit_code: str) -> bool:
    variables = dict.fromkeys(VARIABLES, "0") | {"lastRetry.exitCode": exit_code}
    return evaluate_retry_expression(expression, variables)


CODES = [str(int(code)) for code in ExitCode if code] + list(step.ARGOS)


def test_each_exit_codes_expression_tries_it_again_and_no_other() -> None:
    meanings = {str(int(code)): meaning for code, meaning in step.EXIT_CODES.items()} | step.ARGOS
    for code, meaning in meanings.items():
        if meaning.expression:
            assert [other for other in CODES if tried_again(meaning.expression, other)] == [code]
        assert bool(meaning.expression) == meaning.again.startswith(("always", "if")), code


def test_the_recipes_try_again_what_their_sentences_say() -> None:
    infrastructure, generous = step.RECIPES.values()
    assert {code for code in CODES if tried_again(infrastructure, code)} == set(step.LOST)
    assert {code for code in CODES if tried_again(generous, code)} == {*step.LOST, "1", "124"}


def test_the_recipes_are_yaml_that_argo_reads() -> None:
    strategies = [yaml.safe_load(text)["retryStrategy"] for text in fenced(read("step.md"), "yaml")]
    assert [strategy["expression"] for strategy in strategies] == list(step.RECIPES.values())


@pytest.mark.parametrize("name", ["openapi-bridge.json", "openapi-log-streamer.json"])
def test_every_reference_of_the_openapi_document_leads_somewhere(name: str) -> None:
    document = json.loads(read(name))
    for reference in set(re.findall(r'"#/([^"]+)"', read(name))):
        place: Any = document
        for key in reference.split("/"):
            assert key in place, reference
            place = place[key]


def test_the_registry_and_the_tokens_of_the_services_page_can_be_used(tmp_path: Path) -> None:
    page = read("services.md")
    registry, *_ = fenced(page, "yaml")
    (tokens,) = fenced(page, "json")
    parsed = Registry.model_validate(yaml.safe_load(registry))
    assert parsed.app("acme", "metadata-extractor").task_queue == "metadata-extractor"
    file = tmp_path / "tokens.json"
    file.write_text(tokens)
    StaticTokens(file)
    assert {entry["tenant"] for entry in json.loads(tokens)} <= set(parsed.tenants)


def test_the_tenants_of_the_services_page_can_be_used_with_its_registry(tmp_path: Path) -> None:
    registry, tenants, _ = fenced(read("services.md"), "yaml")
    file = tmp_path / "tenants.yaml"
    file.write_text(tenants)
    known = read_tenants(file)
    assert known.tenants.keys() == yaml.safe_load(registry)["tenants"].keys()
    assert known.tenant("globex").worker_namespaces == ("argo-globex",)


def test_the_role_of_the_services_page_lets_nobody_change_anything() -> None:
    *_, role = fenced(read("services.md"), "yaml")
    rules = yaml.safe_load(role)["rules"]
    assert {rule["resources"][0] for rule in rules} == {"pods", "pods/log", "workflows"}
    assert {verb for rule in rules for verb in rule["verbs"]} == {"get", "list", "watch"}


def test_the_documents_of_the_page_of_flags_are_documents() -> None:
    example, config_map = (yaml.safe_load(text) for text in fenced(read("flags.md"), "yaml"))
    assert shadowed(read_document(example)) == []
    in_git = read_document(yaml.safe_load(config_map["data"]["flags.yaml"]))
    assert in_git.flags.keys() == read_document(example).flags.keys()


def test_the_example_of_the_page_of_flags_has_every_field_of_the_document() -> None:
    definitions = json.loads(read("flags.schema.json"))["$defs"]
    (example, _) = fenced(read("flags.md"), "yaml")
    set_by_us = {"status", "step", "since", "back", "note", "max_mismatch_rate", "parity"}
    fields = {field for part in definitions.values() for field in part.get("properties", {})} - set_by_us
    assert [field for field in sorted(fields) if not re.search(rf"\b{field}:", example)] == []


def test_the_identity_file_of_its_page_can_be_used(tmp_path: Path) -> None:
    _, identity, quotas = fenced(read("identity.md"), "yaml")
    file = tmp_path / "identity.yaml"
    file.write_text(identity)
    assert read_identity_file(file).kubernetes is not None
    assert Registry.model_validate(yaml.safe_load(quotas)).tenants["acme"].quotas.running_runs == 500


def test_the_page_of_identity_has_every_action_with_its_role() -> None:
    rows = re.findall(r"^\| (.+?) \| (`\w+`)? *\| (`\w+`)? *\|$", read("identity.md"), re.MULTILINE)
    roles = "\n".join(f"{what}: {own or platform}" for what, own, platform in rows)
    words = {"read the flag document": "read the flag document", "read the audit": "the tenant's audit"}
    for action, role in REQUIRED_ROLE.items():
        word = words.get(action, action.split()[0])
        assert re.search(rf"{word}.*`{role.name.lower()}`", roles), action


@pytest.mark.parametrize("page", ["README.md", "docs/flags.md", "docs/operations.md"])
def test_every_command_for_flags_that_a_page_names_exists(page: str) -> None:
    known = {command.name for command in flags.registered_commands}
    named = set(re.findall(r"crossover flags ([a-z][a-z-]*)", (ROOT / page).read_text()))
    assert len(named) >= 3
    assert named - known == set()


@pytest.mark.parametrize(
    "words", [NAMES, Reason, EndReason, Format], ids=["parameter", "gap", "end", "format"]
)
def test_the_page_of_the_feed_has_a_row_for_every(words: Iterable[str]) -> None:
    rows = "\n".join(re.findall(r"^\|.*\|", read("log-feed.md"), re.MULTILINE))
    assert [word for word in words if f"`{word}`" not in rows] == []


def test_the_examples_of_the_page_of_the_feed_are_json() -> None:
    examples = re.findall(
        r"^event: (\w+)\nid: \S+\n(?:retry: \d+\n)?data: (.+)$", read("log-feed.md"), re.MULTILINE
    )
    assert [event for event, _ in examples] == ["log", "state", "gap", "end"]
    for _, data in examples:
        json.loads(data)


def test_no_page_names_a_variable_that_does_not_exist() -> None:
    services: list[type[ServiceSettings]] = [BridgeSettings, LogStreamerSettings, AgentSettings]
    prefixes = {each: each.model_config["env_prefix"] for each in services}
    known = {prefix + name.upper() for each, prefix in prefixes.items() for name in each.model_fields}
    known |= {setting.environment for setting in SETTINGS.values()} | {*prefixes.values()}
    known |= {*sidecar.VARIABLES, sidecar.PREFIX}
    known |= {"CROSSOVER_LOGS_URL"}  # of `crossover logs`; its own help is tested with it
    known |= {GIVEN, IMAGE, TRIAL_IMAGE}
    named = {
        (page, variable)
        for page, text in pages().items()
        for variable in re.findall(r"\bCROSSOVER_[A-Z_]+\b", text)
    }
    assert len(named) > 10
    assert {(page, variable) for page, variable in named if variable not in known} == set()


def test_decisions_are_numbered_without_gaps_and_have_all_four_parts() -> None:
    records = sorted((DOCS / "adr").glob("*.md"))
    assert [int(record.name[:4]) for record in records] == list(range(1, len(records) + 1))
    for record in records:
        text = record.read_text()
        assert re.match(rf"# {record.name[:4]}\. \S", text), record.name
        headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences", "Alternatives"], record.name
