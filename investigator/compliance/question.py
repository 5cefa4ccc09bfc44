"""Which controls does this trace break? The question, and how it becomes a run.

The engine is imported when a run is made: its command's help needs the question alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from investigator.compliance.report import ComplianceReport
from investigator.controls.parameters import NOTHING_CONFIGURED, ControlParameters
from investigator.inspection.engine import (
    Flag,
    FromConfig,
    Materials,
    PathOrName,
    Prepared,
    TraceQuestion,
    absolute,
    outline_of,
    read_trace,
    readable_in,
    reads_of,
)

if TYPE_CHECKING:
    from investigator.ground.redaction import Redactor
    from investigator.readings.reading import Readings
    from investigator.runtime.driver import Result
    from investigator.store.api import InspectionAPI


class Compliance(TraceQuestion[ComplianceReport]):
    """Which controls does this trace break? `control_ids` empty: all of the library."""

    engine = "compliance"

    controls: Annotated[PathOrName, Flag("--controls", "VERSION|FILE")] = Field(
        default="controls-v1",
        description="`controls-v1`, another built-in library, or a YAML file of yours.",
    )
    control_ids: Annotated[tuple[str, ...], Flag("--control", "ID")] = Field(
        default=(), description="Only this control; may be given more than once."
    )
    parameters: Annotated[ControlParameters, FromConfig("controls")] = Field(
        default=NOTHING_CONFIGURED,
        description="What is configured; what the library says itself comes first.",
    )

    def located(self) -> Compliance:
        """With a path that holds from any folder."""
        from investigator.controls.library import BUILT_IN_LIBRARIES

        return self.model_copy(update={"controls": absolute(self.controls, BUILT_IN_LIBRARIES)})

    def materials(self) -> Materials:
        """The control library, which has all controls that are named."""
        from investigator.compliance.case import chosen
        from investigator.controls.library import load_library

        library = load_library(self.controls, self.parameters)
        chosen(library, self.control_ids)
        return Materials(f"the control library {self.controls}", library.content_hash, library)

    def screen(self, readings: Readings, materials: Materials) -> Result:
        """What the rules conclude of the controls, without a run."""
        from investigator.claims.screening import RulesAnswers
        from investigator.compliance.case import ComplianceCase
        from investigator.compliance.engine import ComplianceStrategy
        from investigator.compliance.rules import ComplianceRules
        from investigator.runtime.admission import ROOT
        from investigator.runtime.driver import concluded, ended_waiting
        from investigator.runtime.strategy import Ended
        from investigator.runtime.tools import ToolRegistry

        case = ComplianceCase.of(readings, materials.content, self.control_ids)
        strategy = ComplianceStrategy(case, ToolRegistry([]))
        answers = RulesAnswers(ComplianceRules(case), strategy.outputs, readable_in(readings))
        ends = [
            answers.of_scope(f"{ROOT}/{place}", control.control_id)
            for place, control in enumerate(case.applicable)
        ]
        root = ended_waiting()
        closed = {end.scope: end for end in (root, *(one for each in ends for one in each))}
        return concluded(strategy, Ended(root, tuple(each[0] for each in ends), None, closed))

    def prepare(self, api: InspectionAPI, materials: Materials, redactor: Redactor) -> Prepared:
        """Read the trace and check the controls in code."""
        from investigator.compliance.case import ComplianceCase
        from investigator.compliance.engine import ComplianceStrategy
        from investigator.compliance.library_tools import control_tools
        from investigator.compliance.rules import ComplianceRules

        trace = read_trace(api, self.trace_id, redactor)
        library = materials.content
        redactor.keep(control.control_id for control in library.controls)
        readings = self.readings_of(trace, redactor)
        case = ComplianceCase.of(readings, library, self.control_ids)
        tools = reads_of(
            api,
            readings,
            ignore_evaluations=self.ignore_evaluations,
            optional=materials.optional_tools,
            others=control_tools(library),
        )
        told = self.input_in(readings)
        return Prepared(
            ComplianceStrategy(case, tools),
            tools,
            ComplianceRules(case),
            trace.content_hash,
            told.model_copy(update={"controls_version": library.version}),
            beside_model=ComplianceRules(case, beside_model=True),
            evaluations_hash=trace.evaluations_hash,
            outline_of=outline_of(readings, case.asked_about),
        )
