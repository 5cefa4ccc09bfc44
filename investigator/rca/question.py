"""Why did this trace fail? The question, and how it becomes a run.

The engine is imported when a run is made: its command's help needs the question alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

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
from investigator.rca.report import RCAReport
from investigator.runtime.events import InputRef
from investigator.runtime.told import GoodRunRef

if TYPE_CHECKING:
    from investigator.ground.redaction import Redactor
    from investigator.readings.reading import Readings
    from investigator.runtime.driver import Result
    from investigator.store.api import InspectionAPI


class RCA(TraceQuestion[RCAReport]):
    """Why did this trace fail? `taxonomy` is built in (a name) or a YAML file.

    With `controls`, a control library, a breach of a control is a suspect as well, and what an
    acquittal needs is also that its controls are kept. `good` is a run of the same task that
    passed: the first step where the trace departs from it is a suspect.
    """

    engine = "rca"

    taxonomy: Annotated[PathOrName, Flag("--taxonomy", "NAME|PATH")] = Field(
        default="default", description="`default`, `trail`, or a YAML file of yours."
    )

    controls: Annotated[PathOrName | None, Flag("--controls", "VERSION|FILE")] = Field(
        default=None,
        description="Controls that the run had to keep: a built-in library, or a YAML file.",
    )

    good: Annotated[GoodRunRef | PathOrName | None, Flag("--good", "TRACE|PATH[#TRACE]")] = Field(
        default=None,
        description="A run of the same task that passed, to compare with: its id (or the beginning "
        "of it) in the same source, another source that holds it alone, or PATH#TRACE. Not with "
        "--all.",
    )

    @property
    def good_run(self) -> GoodRunRef | str | None:
        """The good run, as the caller names it, then as it was found."""
        return self.good if isinstance(self.good, GoodRunRef | None) else str(self.good)

    def with_good_run(self, found: GoodRunRef) -> RCA:
        """With its good run as it was found."""
        return self.model_copy(update={"good": found})

    @property
    def input_ref(self) -> InputRef:
        """The trace, and the good run beside it."""
        found = self.good if isinstance(self.good, GoodRunRef) else None
        return super().input_ref.model_copy(update={"good": found})

    parameters: Annotated[ControlParameters, FromConfig("controls")] = Field(
        default=NOTHING_CONFIGURED,
        description="What is configured of controls; what the library says itself comes first.",
    )

    def located(self) -> RCA:
        """With paths that hold from any folder."""
        from investigator.rca.taxonomy import BUILT_IN_TAXONOMIES

        paths = {"taxonomy": absolute(self.taxonomy, BUILT_IN_TAXONOMIES)}
        if self.controls is not None:
            from investigator.controls.library import BUILT_IN_LIBRARIES

            paths["controls"] = absolute(self.controls, BUILT_IN_LIBRARIES)
        return self.model_copy(update=paths)

    def materials(self) -> Materials:
        """The taxonomy, and the control library where one is named."""
        from investigator.ground.canonical_json import sha256_text
        from investigator.rca.taxonomy import load_taxonomy

        taxonomy = load_taxonomy(self.taxonomy)
        name = f"the taxonomy {self.taxonomy}"
        if self.controls is None:
            return Materials(name, taxonomy.content_hash, (taxonomy, None))
        from investigator.controls.library import load_library

        library = load_library(self.controls, self.parameters)
        both = sha256_text(f"{taxonomy.content_hash} {library.content_hash}")
        name = f"{name} or the control library {self.controls}"
        return Materials(name, both, (taxonomy, library))

    def _read_good(self, materials: Materials, redactor: Redactor) -> Readings | None:
        """The readings of the good run, whose ids the redactor keeps as well."""
        from investigator.readings.reading import Readings

        if materials.good is None:
            return None
        redactor.keep((materials.good.trace_id, *(s.span_id for s in materials.good.spans)))
        ignored = self.ignore_evaluations
        return Readings(materials.good, redactor, ignore_evaluations=ignored)

    def screen(self, readings: Readings, materials: Materials) -> Result:
        """What the rules conclude of the trace, without a run."""
        from investigator.claims.screening import RulesAnswers
        from investigator.rca.case import RCACase
        from investigator.rca.engine import RCAStrategy
        from investigator.rca.rules import RCARules
        from investigator.runtime.admission import ROOT
        from investigator.runtime.driver import concluded
        from investigator.runtime.strategy import Ended
        from investigator.runtime.tools import ToolRegistry

        taxonomy, library = materials.content
        case = RCACase.narrowed(readings, taxonomy, library)
        strategy = RCAStrategy(case, ToolRegistry([]))
        answers = RulesAnswers(RCARules(case), strategy.outputs, readable_in(readings))
        ends = answers.of_scope(ROOT)
        closed = {end.scope: end for end in ends}
        return concluded(strategy, Ended(ends[0], (), None, closed))

    def prepare(self, api: InspectionAPI, materials: Materials, redactor: Redactor) -> Prepared:
        """Read and narrow the trace."""
        from investigator.rca.case import RCACase
        from investigator.rca.engine import RCAStrategy
        from investigator.rca.rules import RCARules

        trace = read_trace(api, self.trace_id, redactor)
        readings = self.readings_of(trace, redactor)
        taxonomy, library = materials.content
        if library is not None:
            redactor.keep(control.control_id for control in library.controls)
        case = RCACase.narrowed(readings, taxonomy, library, self._read_good(materials, redactor))
        tools = reads_of(
            api,
            readings,
            ignore_evaluations=self.ignore_evaluations,
            optional=materials.optional_tools,
        )
        told = self.input_in(readings)
        if library is not None:
            told = told.model_copy(update={"controls_version": library.version})
        return Prepared(
            RCAStrategy(case, tools),
            tools,
            RCARules(case),
            trace.content_hash,
            told,
            evaluations_hash=trace.evaluations_hash,
            outline_of=outline_of(readings),
        )
