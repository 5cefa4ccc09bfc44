"""The checks, by what they look at; importing this package makes all of them known."""

from investigator.controls.checks import untrusted_content as untrusted_content
