"""What a field says beside its type for those who narrow its schema; nobody else reads it.

`KNOWN` names a vocabulary: the values that a scope, or its run, knows for the field. `NARROWED`
is a schema in place of the field's own. Both go into a field's `json_schema_extra`.
"""

from __future__ import annotations

KNOWN = "x-known"
NARROWED = "x-narrowed"

EVIDENCE, SPAN, TRACE = "evidence", "span", "trace"
"""The vocabularies that a scope is shown."""
