"""`crossover template list` and `crossover template render`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from inspect import Parameter, Signature
from typing import Annotated, Any

import typer

from crossover.cli.flags.options import checked
from crossover.cli.template.modes import MODES, Mode
from crossover.cli.template.parameters import HELP, parameters_of
from crossover.cli.template.render import IMAGE, SECRET, Wanted, rendered
from crossover.cli.template.values import checked_value, image_name, namespace_name, object_name

template = typer.Typer(
    no_args_is_help=True,
    help="WorkflowTemplates for every way in which Argo can call, to be applied by kubectl.",
)


@template.command("list")
def list_modes() -> None:
    """The modes: how each works, and which Argo it needs."""
    width = max(map(len, MODES))
    for mode in MODES.values():
        print(f"{mode.name:{width}}  {mode.summary} ({mode.needs})")


def _mode(value: str) -> str:
    if value not in MODES:
        raise typer.BadParameter(f"there is no mode {value!r}; there are {', '.join(MODES)}.")
    return value


def _render(
    mode: Annotated[str, typer.Argument(metavar="MODE", callback=_mode, help=f"{', '.join(MODES)}.")],
    name: Annotated[str | None, typer.Option(help="Its name, instead of crossover-MODE.")] = None,
    namespace: Annotated[str | None, typer.Option(help="Where it goes; else kubectl -n says so.")] = None,
    cluster: Annotated[bool, typer.Option("--cluster", help="A ClusterWorkflowTemplate.")] = False,
    image: Annotated[str | None, typer.Option(help="The image of its pods.")] = None,
    secret: Annotated[str | None, typer.Option(help="The Secret whose key `authorization` is sent.")] = None,
    **defaults: str | None,
) -> None:
    """Print a mode's WorkflowTemplate, filled in: ready for `kubectl apply -f -`."""
    chosen = MODES[mode]
    shipped = chosen.text()
    _fits(chosen, shipped, image=image, secret=secret)
    if cluster and namespace:
        raise typer.BadParameter("a ClusterWorkflowTemplate is in no namespace.", param_hint="--namespace")
    wanted = Wanted(
        name=_checked("--name", name, object_name),
        namespace=_checked("--namespace", namespace, namespace_name),
        cluster=cluster,
        image=_checked("--image", image, image_name),
        secret=_checked("--secret", secret, object_name),
        defaults=_defaults(chosen, shipped, defaults),
    )
    print(rendered(shipped, chosen.template, wanted), end="")


def _checked(flag: str, value: str | None, check: Callable[[str], str]) -> str | None:
    return None if value is None else str(checked(flag, value, check))


def _fits(mode: Mode, text: str, *, image: str | None, secret: str | None) -> None:
    """What the mode has no place for would be lost."""
    if image is not None and IMAGE not in text:
        raise typer.BadParameter(f"the mode {mode.name} has no pod of its own.", param_hint="--image")
    if secret is not None and SECRET not in text:
        raise typer.BadParameter(f"the mode {mode.name} sends no Secret.", param_hint="--secret")


def _defaults(mode: Mode, text: str, given: dict[str, str | None]) -> dict[str, str]:
    known = parameters_of(mode, text)
    defaults: dict[str, str] = {}
    for word, value in given.items():
        name, flag = word.replace("_", "-"), f"--{word.replace('_', '-')}"
        if value is None:
            continue
        if name not in known:
            takes = ", ".join(f"--{each}" for each in known)
            raise typer.BadParameter(
                f"the mode {mode.name} has no such parameter; it has {takes}.", param_hint=flag
            )
        defaults[name] = checked(flag, value, partial(checked_value, name, known[name]))
    return defaults


def _command() -> Callable[..., None]:
    """`_render` with a flag for each parameter that a mode may have."""

    def render(**given: Any) -> None:
        _render(**given)

    own = [
        each
        for each in Signature.from_callable(_render, eval_str=True).parameters.values()
        if each.kind is not Parameter.VAR_KEYWORD
    ]
    flags = [
        Parameter(
            name.replace("-", "_"),
            Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                str | None, typer.Option(help=text, rich_help_panel="Defaults of parameters")
            ],
        )
        for name, text in HELP.items()
    ]
    everything = [each.replace(kind=Parameter.KEYWORD_ONLY) for each in (*own, *flags)]
    render.__doc__ = _render.__doc__
    render.__annotations__ = {each.name: each.annotation for each in everything}
    render.__signature__ = Signature(everything)  # type: ignore[attr-defined]
    return render


template.command("render")(_command())
