"""Sites: domains, settings, goals, excluded paths."""

from __future__ import annotations

import json
import secrets
from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import Connection, delete, exc, func, insert, select, update

from control.checks import check_text, check_timezone
from control.database import Database
from control.domains import normalise_domain
from control.errors import ControlError, NotFoundError
from control.names import check_endpoint_path, check_script_name
from control.schema import excluded_path, goal, site, site_domain, site_window
from footfall.event import MAX_NAME_CHARS
from footfall.sites import DEFAULT_WINDOW_MS, MAX_WINDOW_MS, MIN_WINDOW_MS, Goal, Site, Sites, Window

# Long enough for every process to have polled `version()` and know of the new window.
NOTICE_MS = 10_000
# What PostgreSQL can index.
MAX_PATH_BYTES = 2048


class SiteTable(Database):
    """The sites of the control plane. `now` is UTC milliseconds."""

    def sites(self) -> Sites:
        """All sites, one consistent snapshot."""
        with self.reading() as connection:
            return Sites(by_id={found.site_id: found for found in _load(connection)})

    def site(self, name: str) -> Site:
        """The site of that id or domain; `NotFoundError` if there is none."""
        domain = normalise_domain(name)
        for found in self.sites().by_id.values():
            if domain == found.site_id or domain in found.domains:
                return found
        raise NotFoundError(f"no site {domain}: `footfall site list` shows those there are")

    def add_site(
        self,
        domain: str,
        *,
        now: int,
        timezone: str = "UTC",
        currency: str = "",
        window_ms: int = DEFAULT_WINDOW_MS,
        domains: Sequence[str] = (),
        strict_privacy: bool = False,
    ) -> Site:
        """Make a site; its id is `domain`, for ever. `ControlError` if a domain is taken."""
        site_id = normalise_domain(domain)
        values = {
            "site_id": site_id,
            "public_id": f"pub_{secrets.token_urlsafe(15)}",
            "timezone": check_timezone(timezone),
            "currency": check_currency(currency),
            "strict_privacy": strict_privacy,
            "created_at": now,
        }
        # Valid for every time: a site's imported history has the window of its making.
        window = {"site_id": site_id, "valid_from": 0, "window_ms": check_window(window_ms)}
        try:
            with self.writing() as connection:
                connection.execute(insert(site).values(values))
                connection.execute(insert(site_window).values(window))
                for name in dict.fromkeys([site_id, *map(normalise_domain, domains)]):
                    _add_domain(connection, site_id, name)
        except exc.IntegrityError as error:
            raise ControlError(f"{site_id} or one of its domains belongs to a site already") from error
        return self.site(site_id)

    def update_site(
        self,
        site_id: str,
        *,
        timezone: str | None = None,
        currency: str | None = None,
        strict_privacy: bool | None = None,
    ) -> Site:
        """Change what is given."""
        changes: dict[str, object] = {}
        if timezone is not None:
            changes["timezone"] = check_timezone(timezone)
        if currency is not None:
            changes["currency"] = check_currency(currency)
        if strict_privacy is not None:
            changes["strict_privacy"] = strict_privacy
        if changes:
            with self.writing() as connection:
                result = connection.execute(update(site).where(site.c.site_id == site_id).values(changes))
                _require(result.rowcount, site_id)
        return self.site(site_id)

    def set_names(self, site_id: str, *, script_name: str | None = None, endpoint_path: str | None = None) -> Site:
        """Names of the site's own for script and endpoint; empty: back to those of all sites.
        `ControlError` if one is reserved or another site's."""
        changes: dict[str, str | None] = {}
        if script_name is not None:
            changes["script_name"] = check_script_name(script_name) or None
        if endpoint_path is not None:
            changes["endpoint_path"] = check_endpoint_path(endpoint_path) or None
        if changes:
            try:
                with self.writing() as connection:
                    result = connection.execute(update(site).where(site.c.site_id == site_id).values(changes))
                    _require(result.rowcount, site_id)
            except exc.IntegrityError as error:
                wanted = " or ".join(filter(None, changes.values()))
                raise ControlError(f"another site has {wanted}: choose a name of this site's own") from error
        return self.site(site_id)

    def set_window(self, site_id: str, window_ms: int, *, now: int) -> Window:
        """A new inactivity window, valid for events from `now` + 10 s on."""
        row = Window(valid_from=now + NOTICE_MS, window_ms=check_window(window_ms))
        self.site(site_id)
        with self.writing() as connection:
            mine = (site_window.c.site_id == site_id) & (site_window.c.valid_from >= row.valid_from)
            connection.execute(delete(site_window).where(mine))
            values = {"site_id": site_id, "valid_from": row.valid_from, "window_ms": row.window_ms}
            connection.execute(insert(site_window).values(values))
        return row

    def remove_site(self, site_id: str) -> None:
        """Forget a site with its goals and keys. Stored events stay until retention takes them."""
        with self.writing() as connection:
            _require(connection.execute(delete(site).where(site.c.site_id == site_id)).rowcount, site_id)

    def add_domain(self, site_id: str, domain: str) -> Site:
        """Let another domain (and its subdomains) send to the site."""
        self.site(site_id)
        try:
            with self.writing() as connection:
                _add_domain(connection, site_id, normalise_domain(domain))
        except exc.IntegrityError as error:
            raise ControlError(f"{normalise_domain(domain)} belongs to a site already") from error
        return self.site(site_id)

    def remove_domain(self, site_id: str, domain: str) -> Site:
        """Take a domain from the site; the last one stays."""
        name = normalise_domain(domain)
        found = self.site(site_id)
        if name not in found.domains:
            raise NotFoundError(f"{name} is no domain of {site_id}: `footfall site show {site_id}` lists them")
        if len(found.domains) == 1:
            raise ControlError(f"{name} is the only domain of {site_id}: add another one first")
        with self.writing() as connection:
            connection.execute(delete(site_domain).where(site_domain.c.domain == name))
        return self.site(site_id)

    def set_goal(self, site_id: str, wanted: Goal) -> None:
        """Add a goal, or replace the one of that name."""
        check_goal(wanted)
        self.site(site_id)
        mine = (goal.c.site_id == site_id) & (goal.c.name == wanted.name)
        props = json.dumps(wanted.props)
        values = {"name": wanted.name, "event": wanted.event, "path": wanted.path, "props": props}
        with self.writing() as connection:
            connection.execute(delete(goal).where(mine))
            connection.execute(insert(goal).values(site_id=site_id, **values))

    def remove_goal(self, site_id: str, name: str) -> None:
        """Forget a goal; sessions that reached it keep its name until they are repaired."""
        with self.writing() as connection:
            mine = (goal.c.site_id == site_id) & (goal.c.name == name)
            if not connection.execute(delete(goal).where(mine)).rowcount:
                raise NotFoundError(f"{site_id} has no goal {name}: `footfall goal list {site_id}` shows them")

    def set_excluded_paths(self, site_id: str, paths: Sequence[str]) -> Site:
        """The paths (patterns like a goal's) whose events are not counted."""
        self.site(site_id)
        for path in paths:
            check_text("a path pattern", path, MAX_PATH_BYTES)
            if not path.startswith("/"):
                raise ControlError(f"{path!r} is not a path pattern: give one like /admin/**")
        with self.writing() as connection:
            connection.execute(delete(excluded_path).where(excluded_path.c.site_id == site_id))
            for path in dict.fromkeys(paths):
                connection.execute(insert(excluded_path).values(site_id=site_id, path=path))
        return self.site(site_id)


def check_currency(code: str) -> str:
    """Three letters, upper-cased; or empty."""
    if code and not (len(code) == 3 and code.isascii() and code.isalpha()):
        raise ControlError(f"{code!r} is not a currency: give an ISO 4217 code like EUR")
    return code.upper()


def check_window(window_ms: int) -> int:
    """From a minute to a day."""
    if not MIN_WINDOW_MS <= window_ms <= MAX_WINDOW_MS:
        raise ControlError("a session window is from 1 minute to 24 hours")
    return window_ms


def check_goal(wanted: Goal) -> None:
    """A goal has a name and says what reaches it."""
    if not 0 < len(wanted.name) <= MAX_NAME_CHARS:
        raise ControlError(f"a goal's name has 1 to {MAX_NAME_CHARS} characters")
    if len(wanted.event) > MAX_NAME_CHARS:
        raise ControlError(f"an event's name has at most {MAX_NAME_CHARS} characters")
    for what, text in (("a goal's name", wanted.name), ("an event's name", wanted.event)):
        check_text(what, text, 4 * MAX_NAME_CHARS)
    check_text("a path pattern", wanted.path, MAX_PATH_BYTES)
    if not (wanted.event or wanted.path or wanted.props):
        raise ControlError("a goal needs an event name, a path pattern or a property")
    if wanted.path and not wanted.path.startswith(("/", "*")):
        raise ControlError(f"{wanted.path!r} is not a path pattern: give one like /thanks or /blog/**")


def _load(connection: Connection) -> list[Site]:
    # Names are sorted here: what a database calls sorted depends on its language.
    domains, windows = defaultdict(list), defaultdict(list)
    goals, paths = defaultdict(list), defaultdict(list)
    for row in connection.execute(select(site_domain).order_by(site_domain.c.position)):
        domains[row.site_id].append(row.domain)
    for row in connection.execute(select(site_window).order_by(site_window.c.valid_from)):
        windows[row.site_id].append(Window(valid_from=row.valid_from, window_ms=row.window_ms))
    for row in connection.execute(select(goal)):
        props = tuple((key, value) for key, value in json.loads(row.props))
        goals[row.site_id].append(Goal(name=row.name, event=row.event, path=row.path, props=props))
    for row in connection.execute(select(excluded_path)):
        paths[row.site_id].append(row.path)
    return [
        Site(
            site_id=row.site_id,
            public_id=row.public_id,
            domains=tuple(domains[row.site_id]),
            timezone=row.timezone,
            currency=row.currency,
            windows=tuple(windows[row.site_id]),
            goals=tuple(sorted(goals[row.site_id], key=lambda one: one.name)),
            excluded_paths=tuple(sorted(paths[row.site_id])),
            strict_privacy=row.strict_privacy,
            script_name=row.script_name or "",
            endpoint_path=row.endpoint_path or "",
        )
        for row in sorted(connection.execute(select(site)), key=lambda row: str(row.site_id))
    ]


def _add_domain(connection: Connection, site_id: str, domain: str) -> None:
    last = select(func.max(site_domain.c.position)).where(site_domain.c.site_id == site_id)
    position = (connection.execute(last).scalar() or 0) + 1
    connection.execute(insert(site_domain).values(domain=domain, site_id=site_id, position=position))


def _require(rows: int, site_id: str) -> None:
    if not rows:
        raise NotFoundError(f"no site {site_id}: `footfall site list` shows those there are")
