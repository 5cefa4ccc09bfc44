"""The checks, by what they look at; importing this package makes all of them known."""

from investigator.controls.checks import approval as approval
from investigator.controls.checks import confirmation as confirmation
from investigator.controls.checks import destinations as destinations
from investigator.controls.checks import failures as failures
from investigator.controls.checks import governance as governance
from investigator.controls.checks import groundedness as groundedness
from investigator.controls.checks import guardrails as guardrails
from investigator.controls.checks import operations as operations
from investigator.controls.checks import policy as policy
from investigator.controls.checks import private_data as private_data
from investigator.controls.checks import prompt_disclosure as prompt_disclosure
from investigator.controls.checks import raw_execution as raw_execution
from investigator.controls.checks import record as record
from investigator.controls.checks import statements as statements
from investigator.controls.checks import tools as tools
from investigator.controls.checks import turns as turns
from investigator.controls.checks import untrusted_content as untrusted_content
