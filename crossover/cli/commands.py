"""The `crossover` command, but for `step`, which must start quickly and lives on the standard library."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from crossover import __version__
from crossover.cli.approvals.command import approvals
from crossover.cli.flags.audit import audit
from crossover.cli.flags.command import flags
from crossover.cli.flags.options import calling
from crossover.cli.logs.command import logs
from crossover.cli.serve import serve_agent, serve_bridge, serve_logs
from crossover.cli.template.command import template
from crossover.identity import Role, new_token
from crossover.identity.static_tokens import ROLES, checked_tenant, role_named

app = typer.Typer(no_args_is_help=True, add_completion=False)
bridge_app = typer.Typer(no_args_is_help=True, help="The bridge between Argo and Temporal.")
agent_app = typer.Typer(no_args_is_help=True, help="The agent: Argo nodes as Temporal runs, without a pod.")
streamer_app = typer.Typer(no_args_is_help=True, help="The log streamer: one live feed per trace.")
token_app = typer.Typer(no_args_is_help=True, help="Tokens for callers of the bridge.")
app.add_typer(bridge_app, name="bridge")
app.add_typer(streamer_app, name="log-streamer")
app.add_typer(token_app, name="token")
app.add_typer(template, name="template")
app.add_typer(approvals, name="approvals")
app.add_typer(agent_app, name="agent")


def _version(asked: bool) -> None:
    if asked:
        print(f"crossover {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Argo steps as Temporal runs."""


@app.command("step", help="Run an Argo step as a Temporal run: see `crossover step run --help`.")
def _step() -> None:
    """Listed here for `crossover --help`; the launcher never comes this far with it."""


@app.command("plugin", help="Argo's executor plugin, a sidecar: see `crossover plugin --help`.")
def _plugin() -> None:
    """Listed here for `crossover --help`, too."""


bridge_app.command("serve")(serve_bridge)
agent_app.command("serve")(serve_agent)
streamer_app.command("serve")(serve_logs)

app.command("logs")(logs)
app.add_typer(flags, name="flags")
app.command("audit")(calling(audit))


@token_app.command("new")
def new(
    name: Annotated[str, typer.Argument(help="Who will hold it; shown in logs and reasons.")],
    tenant: Annotated[str, typer.Option(help="The tenant whose runs it may reach.")],
    role: Annotated[str, typer.Option(help=f"{ROLES}.")] = "operator",
    other: Annotated[
        list[str] | None, typer.Option(help="A role in a further tenant, as TENANT=ROLE; may be repeated.")
    ] = None,
    platform: Annotated[
        str | None, typer.Option(help="Its role over flags, rollouts and the audit of all tenants.")
    ] = None,
) -> None:
    """Make a token: it is printed once, with the entry to add to the token file."""
    try:
        others = dict(_role_elsewhere(each) for each in other or ())
        token, entry = new_token(
            name,
            checked_tenant(tenant),
            role_named(role),
            others=others,
            platform=role_named(platform) if platform else None,
        )
    except ValueError as error:
        raise SystemExit(f"crossover token new: {error}") from None
    print(f"token (shown once): {token}")
    print(f"token file entry:   {json.dumps(entry)}")


def _role_elsewhere(text: str) -> tuple[str, Role]:
    tenant, _, role = text.partition("=")
    return checked_tenant(tenant), role_named(role)


@token_app.command("session-key")
def session_key() -> None:
    """Make a key for browsers' session cookies: a line of the services' session_key_file."""
    from cryptography.fernet import Fernet

    print(Fernet.generate_key().decode())


_AS_GIVEN = {"ignore_unknown_options": True, "allow_extra_args": True}


@app.command("local", add_help_option=False, context_settings=_AS_GIVEN)
def local(context: typer.Context) -> None:
    """Run an Argo Workflow's step templates as processes on this machine."""
    from argo_flow.local.__main__ import main

    raise SystemExit(main(context.args))
