"""`http` templates: with `disableAgentPodCreation` nobody else executes them.

What a node says and when it succeeds follows Argo's own agent. Where that would do what a central agent must
not (an address it must not reach, an answer too large to keep) or what this one does not understand, the node
is an Error that says so.

Source: argo-workflows, workflow/executor/agent.go (`executeHTTPTemplate`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from argo_flow.graph.logic import Expression, ExpressionError
from bridge.argo.agent.http.condition import parse_condition
from bridge.argo.agent.http.evaluation import EvaluationError, Headers, evaluate
from bridge.argo.agent.http.places import Places
from bridge.argo.agent.http.problems import Unable, Unsuccessful
from bridge.argo.agent.http.request import Header, HttpTask, SecretKey, read_http
from bridge.argo.agent.http.rules import HttpRules, Network
from bridge.argo.agent.http.secret import read_secret
from bridge.argo.agent.http.sending import Answer, Message, Sender
from bridge.argo.node import MESSAGE_LIMIT, OUTPUTS_LIMIT, Node, failed
from crossover.contract.run import Phase
from crossover.errors import cut
from crossover.kubernetes.client import KubernetesClient
from crossover.strict_json import dump_json


class HttpTasks:
    """Executes tasks, several at once.

    Args:
        api: reads the secrets that headers name.
        api_url: the Kubernetes API's own, which no template may call.
        allow: networks that may be reached although they are refused otherwise.
    """

    def __init__(
        self,
        api: KubernetesClient,
        rules: HttpRules | None = None,
        *,
        api_url: str | None = None,
        allow: Sequence[Network] = (),
    ) -> None:
        self._api = api
        self._rules = rules or HttpRules()
        self._places = Places(self._rules.concurrency, self._rules.per_namespace)
        self._sender = Sender(self._rules, api_url, allow)

    async def run(self, namespace: str, template: Mapping[str, Any]) -> Node:
        """The node once it is over, whatever template and server do. One attempt, as with Argo's own."""
        try:
            task = read_http(template)
            condition = _condition(task.condition)
            async with self._places.taken(namespace):
                answer = await self._answer(namespace, task)
            return _node(task, condition, answer)
        except Unable as error:
            return failed(str(error))
        except Unsuccessful as error:
            return _over(Phase.FAILED, str(error))

    async def close(self) -> None:
        await self._sender.close()

    async def _answer(self, namespace: str, task: HttpTask) -> Answer:
        seconds = self._rules.seconds(task.timeout)
        try:
            async with asyncio.timeout(seconds):
                message = await self._message(namespace, task)
                return await self._sender.send(message, insecure=task.insecure)
        except TimeoutError:
            ours = " (the agent's limit)" if task.timeout and task.timeout > seconds else ""
            raise Unsuccessful(f"no complete answer within {seconds:g} s{ours}") from None

    async def _message(self, namespace: str, task: HttpTask) -> Message:
        plain = tuple((each.name, each.value) for each in task.headers if isinstance(each.value, str))
        secret = [await self._secret(namespace, each) for each in task.headers if not _is_plain(each)]
        return Message(task.method.upper(), task.url, plain, tuple(secret), task.body)

    async def _secret(self, namespace: str, header: Header) -> tuple[str, str]:
        assert isinstance(header.value, SecretKey)
        return header.name, await read_secret(self._api, namespace, header.value, header.name)


def _is_plain(header: Header) -> bool:
    return isinstance(header.value, str)


def _condition(text: str) -> Expression | None:
    """Read before anything is sent: a request whose answer cannot be judged had better not be made."""
    if not text:
        return None
    try:
        return parse_condition(text)
    except ExpressionError as error:
        raise Unable(f"http.successCondition is not understood by this agent: {error}") from None


def _node(task: HttpTask, condition: Expression | None, answer: Answer) -> Node:
    body = answer.body.decode("utf-8", "replace")
    outputs = {"result": body}
    if (size := len(dump_json(outputs))) > OUTPUTS_LIMIT:
        raise Unable(f"the response takes {size} bytes as an output, and a node holds {OUTPUTS_LIMIT}")
    if condition is None:
        good = 200 <= answer.status < 300
        message = f"received non-2xx response code: {answer.status}"
    else:
        good = _judged(condition, task, answer, body)
        message = f"successCondition '{task.condition}' evaluated false"
    return _over(Phase.SUCCEEDED if good else Phase.FAILED, "" if good else message, outputs)


def _judged(condition: Expression, task: HttpTask, answer: Answer, body: str) -> bool:
    try:
        return evaluate(condition, _scope(task, answer, body))
    except EvaluationError as error:
        raise Unsuccessful(f"unable to evaluate expression '{task.condition}': {error}") from None


def _scope(task: HttpTask, answer: Answer, body: str) -> dict[str, Any]:
    """What a condition sees. Headers from secrets are no part of it."""
    received = Headers()
    for name, value in answer.headers.raw:
        received.setdefault(_canonical(name), []).append(value.decode("utf-8", "replace"))
    sent = Headers({each.name: [each.value] for each in task.headers if isinstance(each.value, str)})
    return {
        "request": {"method": task.method, "url": str(task.url), "body": task.text, "headers": sent},
        "response": {"statusCode": answer.status, "body": body, "headers": received},
    }


def _canonical(name: bytes) -> str:
    """As Go writes header names: X-Request-Id."""
    return "-".join(part.capitalize() for part in name.decode("latin-1").split("-"))


def _over(phase: Phase, message: str, outputs: dict[str, str] | None = None) -> Node:
    node: Node = {"phase": phase.value, "message": cut(message, MESSAGE_LIMIT)}
    return node if outputs is None else {**node, "outputs": outputs}
