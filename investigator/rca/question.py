"""Why did this trace fail? The question, and how it becomes a run.

The engine is imported when a run is made: its command's help needs the question alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from investigator.inspection.engine import (
    Flag,
    Materials,
    PathOrName,
    Prepared,
    TraceQuestion,
    absolute,
    read_trace,
    reads_of,
)
from investigator.rca.report import RCAReport

if TYPE_CHECKING:
    from investigator.ground.redaction import Redactor
    from investigator.store.api import InspectionAPI


class RCA(TraceQuestion[RCAReport]):
    """Why did this trace fail? `taxonomy` is built in (a name) or a YAML file."""

    engine = "rca"

    taxonomy: Annotated[PathOrName, Flag("--taxonomy", "NAME|PATH")] = Field(
        default="default", description="`default`, `trail`, or a YAML file of yours."
    )

    def located(self) -> RCA:
        """With a path that holds from any folder."""
        from investigator.rca.taxonomy import BUILT_IN_TAXONOMIES

        return self.model_copy(update={"taxonomy": absolute(self.taxonomy, BUILT_IN_TAXONOMIES)})

    def materials(self) -> Materials:
        """The taxonomy."""
        from investigator.rca.taxonomy import load_taxonomy

        taxonomy = load_taxonomy(self.taxonomy)
        return Materials(f"the taxonomy {self.taxonomy}", taxonomy.content_hash, taxonomy)

    def prepare(self, api: InspectionAPI, materials: Materials, redactor: Redactor) -> Prepared:
        """Read and narrow the trace."""
        from investigator.rca.case import RCACase
        from investigator.rca.engine import RCAStrategy
        from investigator.rca.rules import RCARules

        trace = read_trace(api, self.trace_id, redactor)
        readings = self.readings_of(trace, redactor)
        case = RCACase.narrowed(readings, materials.content)
        tools = reads_of(api, trace, redactor, ignore_evaluations=self.ignore_evaluations)
        return Prepared(
            RCAStrategy(case, tools),
            tools,
            RCARules(case),
            trace.content_hash,
            self.input_in(readings),
            evaluations_hash=trace.evaluations_hash,
        )
