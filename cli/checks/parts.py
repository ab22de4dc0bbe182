"""Checks of the parts that run: can each be reached, and does anything get through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.checks.finding import Finding, bad, ok, warn
from cli.layout import layout_of
from cli.running import read_status
from embedded.paths import socket_path
from embedded.probe import StoreError, http_ok, query_store, valkey_ok
from embedded.stack import has_own_valkey
from embedded.view import duration
from footfall.names import database_name
from footfall.settings import Settings
from telemetry.ports import metrics_ports

if TYPE_CHECKING:
    from cli.state import Health

PATIENCE_S = 3.0  # with servers that do not answer
START = "start it with `footfall up`; it restarts what dies"


def control_plane(settings: Settings) -> list[Finding]:
    """Sites and keys can be read, and their tables are this version's."""
    import control
    from cli.plane import control_file

    path = control_file(settings)
    if path is not None and not path.exists():
        return bad("control", f"there is no {path}", "start `footfall up` once: it makes it")
    schema = settings.control_plane_url().rpartition("schema=")[2].partition("&")[0]
    where = str(path or f"schema {schema} of the PostgreSQL that FOOTFALL_CONTROL_URL names")
    try:
        steps = control.missing_steps(settings.control_plane_url())
    except control.ControlError as error:
        return bad("control", str(error), "new sites, keys and goals are not seen meanwhile; jobs wait")
    if steps:
        return bad("control", f"{where}: to do: {'; '.join(steps)}", "run `footfall migrate`")
    return ok("control", f"sites and keys in {where}")


def store(settings: Settings) -> list[Finding]:
    """It answers, and its tables are there."""
    try:
        version = query_store(settings, "SELECT version()").strip()
    except StoreError as error:
        named = "look at the server that FOOTFALL_CLICKHOUSE_HOST names"
        return bad("store", str(error), START if settings.has_own_store else named)
    table = f"{database_name(settings.stage)}.progress"
    if query_store(settings, f"EXISTS TABLE {table}").strip() != "1":
        return bad("store", f"there is no table {table}", "run `footfall migrate`")
    return ok("store", f"answers on port {settings.clickhouse_http_port}, version {version}")


def valkey(settings: Settings) -> list[Finding]:
    """It answers. Only live counters need it, and rate limits that hold over several gateways."""
    path = socket_path(settings.data_dir)
    if not has_own_valkey(settings):
        return _redis(settings.redis_url)
    if valkey_ok(path):
        return ok("live", "Valkey answers")
    return warn("live", f"Valkey does not answer on {path}", f"{START}; only live counters need it")


def _redis(url: str) -> list[Finding]:
    """A server of the operator's own."""
    import redis

    from sinks.redis_faults import in_plain_words, is_full

    try:
        with redis.from_url(url, socket_connect_timeout=1.0, socket_timeout=1.0) as client:
            client.ping()
    except redis.RedisError as error:
        if is_full(error):  # a ping is refused as well
            return warn("live", f"Redis refuses writes: {in_plain_words(error)}", "make room on its disk")
        return warn("live", f"Redis does not answer: {error}", "check FOOTFALL_REDIS_URL")
    return ok("live", "Redis answers")


def log(settings: Settings) -> list[Finding]:
    """Kafka answers, and the topics are there. A local log is files: `disk` and `gateway` see those."""
    from control import ControlError
    from eventlog.opening import open_log
    from eventlog.protocol import LogUnreachable, WrongLogError

    if not settings.kafka_bootstrap:
        return []
    try:
        for stage in settings.topics():
            open_log(settings, stage, layout_of(settings, stage), patience_s=PATIENCE_S)
    except ControlError:  # said already: it knows which topics there are
        return []
    except (LogUnreachable, WrongLogError) as error:
        found, _, mend = str(error).rpartition(": ")
        return bad("log", found, mend)
    return ok("log", f"Kafka answers on {settings.kafka_bootstrap}")


def gateway(settings: Settings) -> list[Finding]:
    """It takes events."""
    where = f"{settings.gateway_host}:{settings.gateway_port}"
    if http_ok(settings.gateway_host, settings.gateway_port, "/readyz"):
        return ok("gateway", f"takes events on {where}")
    if http_ok(settings.gateway_host, settings.gateway_port, "/healthz"):
        log = settings.data_dir / "logs" / "gateway.log"
        why = "do Kafka's brokers answer?" if settings.kafka_bootstrap else "is the disk full?"
        return bad("gateway", "runs, but its log takes no records", f"{why} {log} says why")
    return bad("gateway", f"does not answer on {where}", START)


def metrics(settings: Settings) -> list[Finding]:
    """Each part shows its metrics, where they are not switched off."""
    silent = [one for one in metrics_ports(settings) if not http_ok(one.host, one.port, "/metrics")]
    if read_status(settings) is None or not silent:
        return []
    return [
        Finding(
            "metrics",
            "warn",
            f"the {one.part} shows none on {one.host}:{one.port}: `footfall top` and Prometheus see nothing of it",
            f"is the port taken? {settings.data_dir / 'logs' / one.part}.log says so; {one.setting} changes it",
        )
        for one in silent
    ]


def workers(settings: Settings) -> list[Finding]:
    """Every partition has a worker."""
    from cli.plane import control_file
    from cli.worker import without_worker

    path = control_file(settings)
    if path is not None and not path.exists():  # to look is not to make it
        return []
    try:
        missing, all_of_them = without_worker(settings)
    except Exception:  # noqa: BLE001 - the control plane's own check says what is wrong with it
        return []
    if not missing or len(missing) == all_of_them:  # nobody at all: `data` says it better
        return []
    found = f"nobody works on {', '.join(missing)}"
    return bad(
        "workers", found, "`footfall worker list` shows who had them: start that worker, see docs/scaling.md"
    )


def archive(settings: Settings) -> list[Finding]:
    """Where a raw archive is kept: the object store answers, and takes what the settings say."""
    if not settings.archive_days:
        return []
    from objects.opening import prepare_objects
    from objects.protocol import ObjectStoreError

    try:
        left = prepare_objects(settings, settings.stage, change=False, patience_s=PATIENCE_S)
    except ObjectStoreError as error:
        return bad("archive", str(error), "records wait in the spool meanwhile, see docs/archive.md")
    if left:
        return bad("archive", f"to do: {'; '.join(left)}", "run `footfall migrate`")
    where = settings.objects_endpoint or settings.objects_dir()
    return ok("archive", f"kept for {settings.archive_days} days in {where}")


def data(settings: Settings) -> list[Finding]:
    """What the gateway writes arrives in the store, and whatever else `status` minds."""
    from cli.health import look

    health = look(settings)
    found = [
        Finding(trouble.what, "bad" if trouble.grave else "warn", trouble.found, trouble.mend)
        for trouble in health.troubles
    ]
    if health.parts and not any(trouble.what == "jobs" for trouble in health.troubles):
        found += ok("jobs", "each gets its turn, none keeps failing")
    return _arrival(settings, health) + found


def _arrival(settings: Settings, health: Health) -> list[Finding]:
    if health.arrives:
        return ok("data", f"the last heartbeat reached the store {health.heartbeat_age_s or 0:.0f} s ago")
    if read_status(settings) is None:
        return bad("data", health.verdict, START)
    log = settings.data_dir / "logs" / "flow.log"
    age = "" if health.heartbeat_age_s is None else f" for {duration(health.heartbeat_age_s)}"
    return bad("data", health.verdict, f"the flow stores nothing{age}: {log} says why")
