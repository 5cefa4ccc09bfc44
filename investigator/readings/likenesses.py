"""Texts that are alike are one: each joins the most frequent one that shares most of its words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from investigator.readings.templates import likeness, template_words

ALIKE = 0.6
"""The likeness of words from which two templates are one."""

_LEADERS = 200


def led_by(counts: Mapping[str, int], known: Iterable[str] = ()) -> dict[str, str]:
    """For each template, by how often it occurs, the one that its cluster is named by.

    Those that are `known` from before lead first, so that a cluster keeps its name.
    """
    leaders = {name: template_words(name) for name in known}
    most = len(leaders) + _LEADERS
    found: dict[str, str] = {}
    for template in sorted(counts, key=lambda text: (-counts[text], text)):
        words = template_words(template)
        alike = [(likeness(words, own), name) for name, own in leaders.items()]
        best = max(alike, key=lambda pair: pair[0], default=(0.0, template))
        if best[0] >= ALIKE:
            found[template] = best[1]
        else:
            found[template] = template
            if len(leaders) < most:
                leaders[template] = words
    return found
