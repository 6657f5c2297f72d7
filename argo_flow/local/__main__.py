"""`crossover local run FILE…`: run a Workflow's step templates as processes on this machine."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from argo_flow.graph.phases import NodePhase
from argo_flow.local.console import Console
from argo_flow.local.runner import LocalRunner, Refused, WorkflowResult
from argo_flow.local.settings import color_wanted, inherited
from argo_flow.local.state import NOT_ARGO
from argo_flow.parse import parse_texts

OK, FAILED, USAGE, STOPPED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. 0 succeeded, 1 failed, 2 nothing was started, 130 stopped by a person."""
    arguments = _parser().parse_args(argv)
    console = Console(sys.stdout, color=sys.stdout.isatty() and color_wanted())
    try:
        texts = {str(path): path.read_text("utf-8") for path in arguments.files}
        return asyncio.run(_run(arguments, texts, console))
    except (OSError, UnicodeDecodeError) as error:
        sys.stderr.write(f"{error}\n")
    except Refused as refused:
        sys.stderr.write(f"nothing was started:\n{refused}\n")
    return USAGE


async def _run(arguments: argparse.Namespace, texts: dict[str, str], console: Console) -> int:
    runner = LocalRunner(
        arguments.run_dir,
        console,
        environment=inherited(),
        overrides=dict(arguments.env),
        namespace=arguments.namespace,
    )
    loop = asyncio.get_running_loop()
    stopped: list[int] = []

    def stop(number: int) -> None:
        stopped.append(number)
        runner.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    console.say(f"This workflow is {NOT_ARGO}.")
    result = await runner.run(
        parse_texts(texts),
        arguments.workflow,
        template=arguments.template,
        parameters=dict(arguments.parameter),
        name=arguments.name,
    )
    console.say(f"Logs and state: {result.directory}")
    return STOPPED if stopped else _exit_code(result)


def _exit_code(result: WorkflowResult) -> int:
    return OK if result.phase is NodePhase.SUCCEEDED else FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="crossover local", description=__doc__)
    run = parser.add_subparsers(dest="command", required=True, metavar="run").add_parser(
        "run", help="run a workflow", description=__doc__
    )
    run.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="YAML files; templateRef looks in all"
    )
    run.add_argument("--workflow", metavar="NAME", help="which document to run, when there are several")
    run.add_argument(
        "--entrypoint", "--template", dest="template", metavar="NAME", help="run this template instead"
    )
    run.add_argument(
        "-p",
        "--parameter",
        action="append",
        default=[],
        type=_pair,
        metavar="NAME=VALUE",
        help="a workflow parameter",
    )
    run.add_argument(
        "-e",
        "--env",
        action="append",
        default=[],
        type=_pair,
        metavar="NAME=VALUE",
        help="an environment variable that wins over the templates'",
    )
    run.add_argument("--name", help="the workflow's name; by default made from the document's")
    run.add_argument("--namespace", default="local", help="for documents that name none (default: local)")
    run.add_argument("--run-dir", type=Path, default=Path(".crossover/local"), metavar="DIR")
    return parser


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


if __name__ == "__main__":
    sys.exit(main())
