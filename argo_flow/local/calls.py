"""One call site of a running steps or dag template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from argo_flow.graph.bundle import UnresolvedReference
from argo_flow.graph.logic import ExpressionError
from argo_flow.graph.phases import NodePhase
from argo_flow.graph.tags import SubstitutionError, substitute
from argo_flow.graph.templates import Call, Template
from argo_flow.graph.when import evaluate_when
from argo_flow.local.frame import Execute, Frame
from argo_flow.local.nodes import NodeStatus
from argo_flow.local.scope import Variables, argument_values, call_variables, composite_outputs
from argo_flow.local.state import Run


@dataclass(frozen=True, slots=True)
class Composite:
    """A steps or dag template that runs as `node`; its inputs are substituted, its calls' outputs are not."""

    run: Run
    frame: Frame
    node: NodeStatus
    template: Template
    role: str
    execute: Execute

    async def call(
        self, call: Call, name: str, parent: str, variables: Mapping[str, str | None]
    ) -> NodeStatus:
        """Run the call as the node `name`: `when` first, then the arguments, then its template."""
        try:
            frame = self.frame_of(call, name, parent)
        except UnresolvedReference as error:  # of a dynamic templateRef: all others were looked up before
            return self.run.finish(self.nowhere(call, name, parent), NodePhase.ERROR, str(error))
        try:
            if call.when and not evaluate_when(condition := substitute(call.when, variables)):
                skipped = frame.node(self.run, "Skipped")
                return self.run.finish(skipped, NodePhase.SKIPPED, f"when '{condition}' evaluated false")
            arguments = argument_values(call.arguments, frame.template, variables)
        except (SubstitutionError, ExpressionError) as error:
            return frame.fail(self.run, str(error))
        return await self.execute(frame, arguments)

    def frame_of(self, call: Call, name: str, parent: str) -> Frame:
        document, template = self.run.bundle.resolve(self.frame.document, call)
        return Frame(
            document=document,
            template=template,
            name=name,
            display_name=call.name,
            role=self.role,
            boundary=self.node.id,
            parent=parent,
            depth=self.frame.depth + 1,
        )

    def nowhere(self, call: Call, name: str, parent: str) -> NodeStatus:
        """The node of a call that runs nothing."""
        reference = call.template_ref
        template = call.template or (reference.template if reference else "")
        return self.run.new_node(name, call.name, template, "Skipped", self.node.id, parent)

    def facts(self, call: Call, node: NodeStatus) -> Variables:
        try:
            outputs = self.run.bundle.resolve(self.frame.document, call)[1].outputs
        except UnresolvedReference:
            outputs = ()
        return call_variables(self.role, call.name, node, outputs)

    def succeed(self, variables: Mapping[str, str | None]) -> None:
        """End the node, with its outputs; in Error when one of them has no value."""
        try:
            self.node.outputs.parameters |= composite_outputs(self.template, variables)
        except SubstitutionError as error:
            self.run.finish(self.node, NodePhase.ERROR, str(error))
        else:
            self.run.finish(self.node, NodePhase.SUCCEEDED)
