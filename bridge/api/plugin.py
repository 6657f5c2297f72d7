"""The executor plugin's route, which its sidecars ask; and the end of an agent pod."""

from __future__ import annotations

import re
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from bridge.api.context import context_of, principal_of, read
from bridge.api.documented import body
from bridge.steps.request import Segment
from crossover import errors
from crossover.api.body import read_bytes
from crossover.api.documented import problems
from crossover.api.requests import request_id_of
from crossover.audit import Event
from crossover.contract.names import RETRY_HEADER
from crossover.contract.run import ArgoNode
from crossover.errors import BodyTooLarge, InvalidField, InvalidRequest
from crossover.identity import Action, Resource, authorise
from crossover.strict_json import dump_json

INSTANCE_HEADER = "Crossover-Instance"
"""Names the agent pod that asks, by a hash of the token that Argo made for it."""

BODY_LIMIT = 2 << 20
"""Bytes. A template lies in an object of etcd, which takes 1.5 MB."""

_INSTANCE = re.compile(r"[A-Za-z0-9._-]{0,64}")
_REFUSALS = problems(errors.Unauthenticated, errors.Forbidden, errors.InvalidField, errors.Unavailable)
_WORKFLOW = {"name": "nightly-x7k2p", "namespace": "argo", "uid": "5b8c3f0e-6f0a-4b57-9d3e-0d8a4e2f9a11"}
_TASK = {"app": "metadata-extractor", "node": "nightly-x7k2p.extract", "retries": "0", "input": "{}"}

router = APIRouter(tags=["plugin"])


class TemplateExecute(BaseModel):
    """Argo's ExecuteTemplateArgs."""

    workflow: dict[str, Any] = Field(description="`metadata` with name, namespace and uid.")
    template: dict[str, Any] = Field(description="The whole template; ours has `plugin.crossover`.")


class TemplateExecuted(BaseModel):
    """Argo's ExecuteTemplateReply: without `node`, the template is not ours."""

    node: dict[str, Any] | None = None
    requeue: str | None = None


class ReleasesBody(BaseModel):
    """The workflow whose agent pod goes away."""

    model_config = ConfigDict(extra="forbid", strict=True)

    namespace: Segment
    workflow: Segment
    uid: Segment
    signal: str = Field("SIGTERM", max_length=32, description="What the pod was sent.")


class ReleasesView(BaseModel):
    """`cancelled`: ids of the runs that were asked to end; `reason`: why, or why none was."""

    cancelled: list[str]
    reason: str


@router.post(
    "/api/v1/template.execute",
    summary="Argo's executor plugin: start a node's run, or tell what became of it",
    response_model=None,
    responses={200: {"model": TemplateExecuted}, **_REFUSALS, **problems(BodyTooLarge, InvalidRequest)},
    openapi_extra=body(
        TemplateExecute, {"workflow": {"metadata": _WORKFLOW}, "template": {"plugin": {"crossover": _TASK}}}
    ),
)
async def execute(request: Request) -> Response:
    principal = await principal_of(request)
    authorise(principal, Action.START, Resource(principal.tenant))
    instance = request.headers.get(INSTANCE_HEADER, "")
    if not _INSTANCE.fullmatch(instance):
        raise InvalidField(f"{INSTANCE_HEADER} takes letters, digits, '.', '_' and '-', 64 at most.")
    anew = request.headers.get(RETRY_HEADER) == "1"
    # As they are: a repeated question is known by its bytes, and not parsed again.
    asked = await read_bytes(request, BODY_LIMIT)
    return _json(await context_of(request).plugin.execute(principal.tenant, asked, instance, anew=anew))


@router.post(
    "/v1/releases",
    summary="An agent pod is going away: cancel its workflow's runs if that was stopped, else let them be",
    response_model=None,
    responses={200: {"model": ReleasesView}, **_REFUSALS, **problems(errors.Busy, errors.NoAnswer)},
    openapi_extra=body(
        ReleasesBody,
        {
            "namespace": "argo",
            "workflow": _WORKFLOW["name"],
            "uid": _WORKFLOW["uid"],
            "signal": "SIGTERM",
        },
    ),
)
async def release(request: Request) -> Response:
    principal = await principal_of(request)
    authorise(principal, Action.CONTROL, Resource(principal.tenant))
    asked = await read(request, ReleasesBody)
    workflow = ArgoNode(asked.namespace, asked.workflow, asked.uid, "")
    context = context_of(request)
    runs, reason = await context.runs.release_workflow(principal, workflow, signal=asked.signal)
    for run in runs:
        context.audit.record(
            Event(
                who=principal.name,
                tenant=principal.tenant,
                action="run.cancel",
                subject=run,
                why=f"{reason} ({asked.signal})",
                after=None,
                request_id=request_id_of(),
            )
        )
    return _json({"cancelled": runs, "reason": reason})


def _json(value: object) -> Response:
    return Response(dump_json(value), media_type="application/json")
