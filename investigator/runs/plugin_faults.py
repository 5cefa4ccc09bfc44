"""What is wrong with the plug-ins that are installed, of all kinds: one place loads them all."""

from __future__ import annotations

from investigator.ground.plugins import Broken, installed


def broken_plugins() -> tuple[Broken, ...]:
    """The plug-ins that are left out, and why; empty where all can be used."""
    if not installed():
        return ()
    from investigator.controls.checks import CHECKS
    from investigator.formats.plugin_formats import installed_formats
    from investigator.runs.engines import plugin_engines
    from investigator.runtime.providers import PROVIDERS
    from investigator.signals.detect import DETECTORS

    loaded = (
        *(plugin_engines(), installed_formats(), DETECTORS.loaded(), CHECKS.loaded()),
        PROVIDERS.loaded(),
    )
    return tuple(broken for kind in loaded for broken in kind.broken)
