"""Operations on one flag: each names what it changes, so that two of them by two people both hold."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Request, Response

from bridge.api.context import context_of, read
from bridge.api.documented import body
from bridge.api.flag_models import (
    AllowBody,
    ClearBody,
    DenyBody,
    PlanBody,
    PlanControlBody,
    RolloutBody,
    StandingsView,
    SwitchBody,
    standing_view,
)
from bridge.api.flags import CHANGED, READS, WRITES, DryRun, Flag, apply, may_change, reader
from bridge.flags import plans
from crossover import errors
from crossover.api.documented import problems
from crossover.flags import edits, plan
from crossover.flags.model import Split
from crossover.stores.leases import StoreAway
from crossover.strict_json import dump_json

router = APIRouter(prefix="/v1", tags=["flags"])
_ANSWERS = {**CHANGED, **WRITES}


@router.post(
    "/kill",
    summary="The kill switch of all flags",
    response_model=None,
    responses=_ANSWERS,
    openapi_extra=body(SwitchBody, {"on": True, "reason": "Temporal is overloaded"}),
)
async def kill_all(request: Request, dry_run: DryRun = False) -> Response:
    await may_change(request)
    asked = await read(request, SwitchBody)
    action = "kill" if asked.on else "revive"
    return await apply(
        request, lambda document: edits.kill(document, None, asked.on), action, asked.reason, dry_run,
        needs_match=False,
    )  # fmt: skip


@router.post(
    "/flags/{flag}/kill",
    summary="The kill switch of one flag",
    response_model=None,
    responses=_ANSWERS,
    openapi_extra=body(SwitchBody, {"on": True, "reason": "wrong results"}),
)
async def kill(request: Request, flag: Flag, dry_run: DryRun = False) -> Response:
    await may_change(request)
    asked = await read(request, SwitchBody)
    action = "kill" if asked.on else "revive"
    return await apply(
        request, lambda document: edits.kill(document, flag, asked.on), action, asked.reason, dry_run,
        needs_match=False,
    )  # fmt: skip


@router.post(
    "/flags/{flag}/allow",
    summary="Give a tenant a variant, whatever the rollout says",
    response_model=None,
    responses=_ANSWERS,
    openapi_extra=body(AllowBody, {"tenant": "acme", "reason": "pilot customer"}),
)
async def allow(request: Request, flag: Flag, dry_run: DryRun = False) -> Response:
    await may_change(request)
    asked = await read(request, AllowBody)
    return await apply(
        request,
        lambda document: edits.allow(document, flag, asked.tenant, asked.variant, asked.when),
        "allow",
        asked.reason,
        dry_run,
        needs_match=False,
    )


@router.post(
    "/flags/{flag}/deny",
    summary="Keep a tenant on legacy",
    response_model=None,
    responses=_ANSWERS,
    openapi_extra=body(DenyBody, {"tenant": "acme", "reason": "freeze until the audit"}),
)
async def deny(request: Request, flag: Flag, dry_run: DryRun = False) -> Response:
    await may_change(request)
    asked = await read(request, DenyBody)
    return await apply(
        request,
        lambda document: edits.deny(document, flag, asked.tenant, asked.when),
        "deny",
        asked.reason,
        dry_run,
        needs_match=False,
    )


@router.post(
    "/flags/{flag}/clear",
    summary="Leave a tenant to the rollout again",
    response_model=None,
    responses=_ANSWERS,
    openapi_extra=body(ClearBody, {"tenant": "acme", "reason": "the pilot is over"}),
)
async def clear(request: Request, flag: Flag, dry_run: DryRun = False) -> Response:
    await may_change(request)
    asked = await read(request, ClearBody)
    return await apply(
        request,
        lambda document: edits.clear(document, flag, asked.tenant),
        "clear",
        asked.reason,
        dry_run,
        needs_match=False,
    )


@router.post(
    "/flags/{flag}/rollout",
    summary="Set the percentages of a rollout",
    response_model=None,
    responses=_ANSWERS,
    openapi_extra=body(RolloutBody, {"crossover": 25, "shadow": 10, "reason": "first quarter"}),
)
async def rollout(request: Request, flag: Flag, dry_run: DryRun = False) -> Response:
    await may_change(request)
    asked = await read(request, RolloutBody)
    return await apply(
        request,
        lambda document: edits.rollout(document, flag, asked.crossover, asked.shadow, asked.when),
        "rollout",
        asked.reason,
        dry_run,
        needs_match=False,
    )


@router.post(
    "/flags/{flag}/plan",
    summary="Begin a staged rollout, which advances while its gate holds",
    response_model=None,
    responses=_ANSWERS,
    openapi_extra=body(
        PlanBody,
        {
            "steps": [{"crossover": 5, "hold": "1h"}, {"crossover": 25, "hold": "4h"}, {"crossover": 100}],
            "gate": {"max_failure_rate": 0.02, "max_duration_ratio": 1.5},
            "reason": "staged rollout",
        },
    ),
)
async def begin_plan(request: Request, flag: Flag, dry_run: DryRun = False) -> Response:
    await may_change(request)
    asked = await read(request, PlanBody)
    return await apply(
        request,
        lambda document: plans.begin(document, flag, asked.when, asked.steps, asked.gate),
        "plan",
        asked.reason,
        dry_run,
        needs_match=False,
    )


@router.get(
    "/flags/{flag}/plan",
    summary="How the gates of the flag's running plans are judged now",
    response_model=None,
    responses={200: {"model": StandingsView}, **READS, **problems(errors.Unavailable)},
)
async def standings(request: Request, flag: Flag) -> Response:
    await reader(request)
    rollouts = context_of(request).rollouts
    try:
        found = await rollouts.standing(flag)
    except StoreAway as error:
        raise errors.Unavailable(f"The outcomes cannot be read: {error.detail}", retry_after=2) from None
    content = {"plans": [standing_view(each) for each in found], "trouble": rollouts.trouble}
    return Response(dump_json(content), media_type="application/json")


_CONTROLS: dict[str, tuple[str, Callable[[Split, str], Split]]] = {
    "pause": ("Hold a staged rollout where it is", plan.pause),
    "resume": ("Let a paused or halted staged rollout go on", lambda split, _: plan.resume(split)),
    "stop": ("End a staged rollout; the percentages stay", lambda split, _: plan.stop(split)),
    "roll-back": ("End a staged rollout; the percentages go back", plan.roll_back),
}


def _add(word: str) -> None:
    summary, control = _CONTROLS[word]

    @router.post(
        f"/flags/{{flag}}/{word}",
        name=word,
        summary=summary,
        response_model=None,
        responses=_ANSWERS,
        openapi_extra=body(PlanControlBody, {"reason": "looking into a slow connector"}),
    )
    async def act(request: Request, flag: Flag, dry_run: DryRun = False) -> Response:
        await may_change(request)
        asked = await read(request, PlanControlBody)
        return await apply(
            request,
            lambda document: plans.control(
                document, flag, asked.when, lambda split: control(split, asked.reason)
            ),
            word,
            asked.reason,
            dry_run,
            needs_match=False,
        )


for _word in _CONTROLS:
    _add(_word)
