"""Every form of failure that the agent can be given."""

from investigator.demo_agent.faults.instruction import INSTRUCTION
from investigator.demo_agent.faults.retrieval import RETRIEVAL
from investigator.demo_agent.faults.schema import SCHEMA
from investigator.demo_agent.faults.tooling import TOOLING
from investigator.demo_agent.faults.upstream import UPSTREAM

FORMS = (*RETRIEVAL, *TOOLING, *INSTRUCTION, *UPSTREAM, *SCHEMA)
