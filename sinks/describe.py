"""docs/tables.md from the DDL; `make generate` writes it."""

from __future__ import annotations

import re

from sinks.migrate import load, statements

_VIEW = re.compile(r"CREATE OR REPLACE VIEW (?:\w+)\.(\w+)\n\(\n(.*?)\n\)\n.*COMMENT '([^']*)'$", re.DOTALL)
_COLUMN = re.compile(r"^    (\w+)\s+(.+?) COMMENT '([^']*)',?$", re.MULTILINE)

INTRO = """# Tables

Generated from sinks/ddl by `make generate`; do not edit.

Each stage has a database of its own, `footfall_prod` for prod. Read the views below: they are the stable contract
for boards, API and your own SQL. They hold each event and session once, the latest version of it, and nothing that
was withdrawn; columns are added, never renamed. The tables behind them (the same names without `_v1`) hold every
version and may change.

- Times are UTC. Money is a Decimal, to the ten-thousandth.
- **People and bots**: a person's rows have an empty `bot`. `events_v1` and `sessions_v1` hold bots too: add
  `WHERE bot = ''`. The measures of the rollups count people; `bot_events` counts the rest.
- **Open sessions** have `is_closed = false`; their figures still grow.
- **Speed**: filter `events_v1` by `site_id` and by `event_day`, which lead its sorting key, and then by time. An
  event's `event_day` is within a day of `occurred_at`, or, where the sender's clock made no sense, the day of
  `received_at`. So for a range of `occurred_at` the filter `event_day >= toDate(start) - 1` loses nothing.
- **Visitors that span days**: ids of kind `daily` change every day; summed over days they are visitor-days. Count
  returning people among `consented` and `identified`.
- **Visitors of rollups** are states: `uniqExactMerge(visitors)` counts them, over hours, days and sites.
- Rows are packed harder after FOOTFALL_HOT_DAYS and deleted FOOTFALL_RETENTION_DAYS after they were stored;
  quarantined input goes after FOOTFALL_QUARANTINE_DAYS, hourly rollups after 7 days.

```sql
-- Page views and visitors of a site by day
SELECT toDate(occurred_at) AS day, count() AS page_views, uniqExact(visitor_id) AS visitors
FROM footfall_prod.events_v1
WHERE site_id = 'shop.example' AND event_day >= today() - 7 AND name IN ('page_view', 'path_change') AND bot = ''
GROUP BY day ORDER BY day;

-- Events of a session: by site, visitor and time
SELECT e.occurred_at, e.name, e.path
FROM footfall_prod.sessions_v1 AS s
JOIN footfall_prod.events_v1 AS e ON e.site_id = s.site_id AND e.visitor_id = s.visitor_id
WHERE s.site_id = 'shop.example' AND s.start_at >= now() - INTERVAL 1 HOUR
  AND e.occurred_at BETWEEN s.start_at AND s.end_at
ORDER BY s.session_id, e.occurred_at;
```
"""


def tables() -> str:
    """The page: every view with its columns, the latest definition of each."""
    views: dict[str, str] = {}
    for migration in load():
        for statement in statements(migration.sql, "d"):
            if match := _VIEW.match(statement):
                views[match[1]] = _section(match[1], match[3], match[2])
    return "\n".join([INTRO, *views.values()])


def _section(name: str, comment: str, columns: str) -> str:
    rows = [
        f"| {column} | {_escaped(kind)} | {_escaped(text)} |" for column, kind, text in _COLUMN.findall(columns)
    ]
    return "\n".join([f"## {name}", "", f"{comment}.", "", "| column | type | what |", "|---|---|---|", *rows, ""])


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
