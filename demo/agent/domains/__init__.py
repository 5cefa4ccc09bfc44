"""The agents of the demo, each with tasks of its own."""

from demo.agent.domains.docs import DOCS
from demo.agent.domains.finance import FINANCE
from demo.agent.domains.inventory import INVENTORY
from demo.agent.domains.people import PEOPLE
from demo.agent.domains.support import SUPPORT
from demo.agent.domains.travel import TRAVEL

DOMAINS = (SUPPORT, TRAVEL, FINANCE, INVENTORY, DOCS, PEOPLE)

__all__ = ["DOCS", "DOMAINS", "FINANCE", "INVENTORY", "PEOPLE", "SUPPORT", "TRAVEL"]
