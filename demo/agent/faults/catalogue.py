"""Every form of failure that the agent can be given."""

from demo.agent.faults.instruction import INSTRUCTION
from demo.agent.faults.retrieval import RETRIEVAL
from demo.agent.faults.schema import SCHEMA
from demo.agent.faults.tooling import TOOLING
from demo.agent.faults.upstream import UPSTREAM

FORMS = (*RETRIEVAL, *TOOLING, *INSTRUCTION, *UPSTREAM, *SCHEMA)
