"""The checks, by what they look at; importing this package makes all of them known."""

from investigator.controls.checks import confirmation as confirmation
from investigator.controls.checks import policy as policy
from investigator.controls.checks import statements as statements
from investigator.controls.checks import turns as turns
from investigator.controls.checks import untrusted_content as untrusted_content
