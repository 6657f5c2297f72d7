"""Schemathesis as a program, and what it has seen.

The whole of its report is read, not its verdict alone: answers are looked through for secrets, too.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from testbed.servers import BIN

SEED = 20_260_731
EXAMPLES = 3
"""Per operation, beside those of the coverage phase."""

LONGEST = 400.0
"""Seconds for one service, on a machine that is busy with other tests; alone it takes 20."""

METHODS = '[phases.coverage]\nunexpected-methods = ["TRACE"]\n'

ALIKE = [
    f'[[operations]]\ninclude-name = "{each}"\nphases.coverage.enabled = false\n'
    for each in (
        "PUT /v1/flags",
        "POST /v1/flags/{flag}/deny",
        "POST /v1/flags/{flag}/resume",
        "POST /v1/flags/{flag}/stop",
        "POST /v1/flags/{flag}/roll-back",
    )
]
"""Their bodies are those of others, whose corners are looked into: a third of all cases, for nothing new."""

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)

UNREAD = b"Invalid HTTP request received."
"""The web server's own answer to what is no HTTP, such as a URL of 64 KiB: no route ever sees it."""


@dataclass
class Report:
    """`called`: operations with their answers' statuses. `findings`: a line for each check that failed."""

    called: dict[str, set[int]] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    cases: int = 0

    def add(self, recorder: dict[str, Any]) -> None:
        statuses = self.called.setdefault(recorder["label"], set())
        for case, interaction in recorder.get("interactions", {}).items():
            response = interaction.get("response")
            self.cases += 1
            if response is None:
                self.findings.append(f"{_asked(interaction)}: no answer")
                continue
            body = base64.b64decode((response.get("content") or {}).get("$base64", ""))
            if body == UNREAD:
                continue
            statuses.add(response["status_code"])
            self.answers.append(json.dumps(response["headers"]) + body.decode("utf-8", "replace"))
            self.findings += [
                f"{_asked(interaction)}: {response['status_code']}, {check['name']}: {body[:300]!r}"
                for check in recorder["checks"].get(case, ())
                if check["status"] == "failure"
            ]


def _asked(interaction: dict[str, Any]) -> str:
    request = interaction["request"]
    return f"{request['method']} {request['uri'][:300]}"


async def fuzz(
    folder: Path, url: str, token: str, *, known: dict[str, str], without: tuple[str, ...]
) -> Report:
    """Args:
    known: values of path parameters, so that more than a 404 is seen.
    without: paths that are left out.
    """
    folder.mkdir()
    given = [f"{json.dumps(f'path.{name}')} = {json.dumps(value)}" for name, value in known.items()]
    (folder / "schemathesis.toml").write_text("\n".join([METHODS, *ALIKE, "[parameters]", *given]))
    report = folder / "report.ndjson"
    args = [
        *("--config-file", "schemathesis.toml", "run", f"{url}/openapi.json"),
        *("--header", f"Authorization: Bearer {token}", "--output-sanitize", "false"),
        *("--phases", "coverage,fuzzing", "--seed", str(SEED), "--max-examples", str(EXAMPLES)),
        *("--generation-deterministic", "--no-shrink"),
        *("--checks", ",".join(CHECKS), "--continue-on-failure", "--request-timeout", "60"),
        *("--report", "ndjson", "--report-ndjson-path", str(report)),
        *(word for path in without for word in ("--exclude-path", path)),
    ]
    output = await _ran(folder, args)
    assert report.exists(), output
    found = Report()
    for event in _events(report):
        if "ScenarioFinished" in event:
            found.add(event["ScenarioFinished"]["recorder"])
        if "NonFatalError" in event or "FatalError" in event:
            found.findings.append(f"schemathesis could not go on: {json.dumps(event)[:500]}")
    assert found.cases, output
    return found


async def _ran(folder: Path, args: list[str]) -> str:
    process = await asyncio.create_subprocess_exec(
        str(BIN / "schemathesis"),
        *args,
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(LONGEST):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.communicate()
        raise
    return output.decode(errors="replace")


def _events(report: Path) -> Iterator[dict[str, Any]]:
    with report.open() as lines:
        for line in lines:
            yield json.loads(line)
