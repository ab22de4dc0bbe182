"""What the commands share: settings, and errors shown as one plain message."""

from __future__ import annotations

import contextlib
import errno
import sys
from collections.abc import Iterator

import click

from footfall.settings import Settings

# Errors whose message is meant for the person, by module and name so that showing one
# imports nothing. Whatever derives from them counts too.
SPOKEN = {
    "backup.errors.BackupError",
    "control.errors.ControlError",
    "control.migrations.SchemaTooNewError",
    "embedded.lock.AlreadyRunningError",
    "embedded.probe.StoreError",
    "embedded.supervisor.StartError",
    "eventlog.protocol.LogDamaged",
    "eventlog.protocol.LogFull",
    "eventlog.protocol.LogUnreachable",
    "eventlog.protocol.OffsetLost",
    "eventlog.protocol.WrongLogError",
    "flows.bundle.BundleLost",
    "flows.home.HomeTaken",
    "flows.ownership.StateElsewhere",
    "flows.recovery_store.UnknownRecoveryStore",
    "footfall.generations.GrowthError",
    "objects.protocol.ObjectStoreError",
    "sinks.clickhouse.StoreUnreachableError",
    "sinks.cluster.UnsupportedClusterError",
    "sinks.migrate.MigrationError",
}


def load_settings() -> Settings:
    """The settings; a usage error names the variable that is wrong."""
    from pydantic import ValidationError

    try:
        return Settings.model_validate({})
    except ValidationError as error:
        wrong = [f"FOOTFALL_{str(item['loc'][0]).upper()}: {item['msg']}" for item in error.errors()]
        raise click.UsageError("\n".join(wrong)) from None


@contextlib.contextmanager
def shown_plainly(debug: bool) -> Iterator[None]:
    """Errors become a message and an exit code: 1 for what the person can mend, 3 for a
    fault of Footfall's own."""
    try:
        yield
    except (click.exceptions.Exit, click.Abort, click.ClickException):
        raise
    except BrokenPipeError:
        sys.stderr.close()  # nobody reads any more: not an error
        raise click.exceptions.Exit(0) from None
    except Exception as error:  # the one place where everything is caught: to be shown
        if debug:
            raise
        raise _shown(error) from None


class Fault(click.ClickException):
    """An unexpected error."""

    exit_code = 3


def _shown(error: Exception) -> click.ClickException:
    kinds = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__}
    if kinds & SPOKEN:
        return click.ClickException(str(error))
    text = " ".join(str(error).split())[:300]
    if _is_unreachable(error, kinds):
        return click.ClickException(
            f"{text}\nIs Footfall running? Start it with `footfall up`; see `footfall status`."
        )
    if isinstance(error, OSError):
        return click.ClickException(text)
    if isinstance(error, ModuleNotFoundError):
        return Fault(f"{text}: the installation is incomplete, run `make setup` again.")
    return Fault(f"unexpected {type(error).__name__}: {text}\n`footfall --debug ...` shows where.")


def _is_unreachable(error: Exception, kinds: set[str]) -> bool:
    network = {"clickhouse_driver.errors.NetworkError", "clickhouse_driver.errors.SocketTimeoutError"}
    refused = isinstance(error, OSError) and error.errno in (errno.ECONNREFUSED, errno.ENOENT)
    return bool(kinds & network) or (refused and isinstance(error, ConnectionError)) or isinstance(error, EOFError)
