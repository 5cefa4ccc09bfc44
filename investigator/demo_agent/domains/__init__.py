"""The agents of the demo, each with tasks of its own."""

from investigator.demo_agent.domains.docs import DOCS
from investigator.demo_agent.domains.finance import FINANCE
from investigator.demo_agent.domains.inventory import INVENTORY
from investigator.demo_agent.domains.people import PEOPLE
from investigator.demo_agent.domains.support import SUPPORT
from investigator.demo_agent.domains.travel import TRAVEL

DOMAINS = (SUPPORT, TRAVEL, FINANCE, INVENTORY, DOCS, PEOPLE)

__all__ = ["DOCS", "DOMAINS", "FINANCE", "INVENTORY", "PEOPLE", "SUPPORT", "TRAVEL"]
