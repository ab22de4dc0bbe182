"""Whether what the settings name on shared servers is this installation's."""

from __future__ import annotations

from cli.checks.finding import Finding, bad, ok, warn
from footfall.settings import Settings

WHAT = "owner"
PATIENCE_S = 2.0  # with brokers that do not answer


def owner(settings: Settings) -> list[Finding]:
    """No two installations serve the same stage on the same servers. Nothing to say where there are none."""
    import control
    import installations
    from cli.plane import control_file
    from eventlog.protocol import LogUnreachable, WrongLogError
    from sinks.clickhouse import StoreUnreachableError

    path = control_file(settings)
    if path is not None and not path.exists():
        return []  # said already, as is what cannot be reached
    try:
        if control.missing_steps(settings.control_plane_url()):
            return []
        plane = control.open(settings.control_plane_url())
        try:
            installation = installations.identify(plane, settings.stage)
        finally:
            plane.close()
        installations.check(settings, installation, settings.topics(), patience_s=PATIENCE_S)
        found = installations.look(settings, settings.topics(), PATIENCE_S)
    except installations.ClaimedError as error:
        return bad(WHAT, *str(error).split(": ", 1))
    except (control.ControlError, LogUnreachable, WrongLogError, StoreUnreachableError):
        return []
    unmarked = [mark.where for mark in found if mark.owner == ""]
    if unmarked:
        return warn(WHAT, f"{', '.join(unmarked)}: no installation's mark is there", "run `footfall migrate`")
    marked = ", ".join(mark.where for mark in found if mark.owner)
    return ok(WHAT, f"{marked} {'are' if ',' in marked else 'is'} this installation's") if marked else []
