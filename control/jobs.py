"""Job runs and the lease that lets one holder at a time run a job."""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import Connection, exc, insert, select, update

from control.database import Database
from control.schema import job_lease, job_run

KEPT_RUNS = 200


class JobRun(Struct, frozen=True, kw_only=True):
    """One run. Times are UTC milliseconds; `finished_at` is 0 while it runs."""

    run_id: int
    job: str
    holder: str
    due_at: int
    started_at: int
    finished_at: int
    state: str  # running | done | failed | abandoned
    detail: str


class JobTable(Database):
    """Leases and history. `now` is UTC milliseconds."""

    def claim(self, job: str, holder: str, ttl_ms: int, *, now: int, due_at: int = 0) -> int | None:
        """Start a run: its id, or None while somebody holds the job's lease.

        A run whose lease ran out is marked abandoned by whoever claims the job next.
        """
        self._make_lease(job)
        # A lease that ends further ahead than its length was given by a clock that ran ahead.
        over = (job_lease.c.expires_at <= now) | (job_lease.c.expires_at > now + ttl_ms)
        free = (job_lease.c.job == job) & over
        with self.writing(announce=False) as connection:
            # The conditional update is the lock: of two claimers one changes no row.
            if not connection.execute(update(job_lease).where(free).values(expires_at=now + ttl_ms)).rowcount:
                return None
            _abandon(connection, job, now)
            run_id = _start(connection, job, holder, due_at or now, now)
            mine = job_lease.c.job == job
            connection.execute(update(job_lease).where(mine).values(holder=holder, run_id=run_id))
        return run_id

    def renew(self, run_id: int, ttl_ms: int, *, now: int) -> bool:
        """Hold on to the lease; False if it is lost: then stop the work."""
        mine = (job_lease.c.run_id == run_id) & (job_lease.c.expires_at > now)
        with self.writing(announce=False) as connection:
            return bool(connection.execute(update(job_lease).where(mine).values(expires_at=now + ttl_ms)).rowcount)

    def finish(self, run_id: int, *, now: int, ok: bool, detail: str = "") -> None:
        """End a run and free its job. A run that was abandoned meanwhile stays so."""
        running = (job_run.c.run_id == run_id) & (job_run.c.state == "running")
        values = {"finished_at": now, "state": "done" if ok else "failed", "detail": _storable(detail)}
        with self.writing(announce=False) as connection:
            # The lease first, as in `claim`: the other way round the two could wait for each other.
            connection.execute(update(job_lease).where(job_lease.c.run_id == run_id).values(expires_at=0))
            connection.execute(update(job_run).where(running).values(values))

    def job_runs(self, job: str = "", limit: int = 20) -> list[JobRun]:
        """The history, newest first."""
        query = select(job_run).order_by(job_run.c.run_id.desc()).limit(limit)
        if job:
            query = query.where(job_run.c.job == job)
        with self.reading() as connection:
            return [JobRun(**row._mapping) for row in connection.execute(query)]

    def last_done(self, job: str) -> JobRun | None:
        """The newest run that ended well."""
        mine = (job_run.c.job == job) & (job_run.c.state == "done")
        query = select(job_run).where(mine).order_by(job_run.c.run_id.desc()).limit(1)
        with self.reading() as connection:
            row = connection.execute(query).first()
        return JobRun(**row._mapping) if row else None

    def at_work(self, *, now: int) -> list[JobRun]:
        """The runs whose holder keeps the lease: it lives, and its renewing says so."""
        held = (job_lease.c.run_id == job_run.c.run_id) & (job_lease.c.expires_at > now)
        query = select(job_run).join(job_lease, held).where(job_run.c.state == "running")
        with self.reading() as connection:
            return [JobRun(**row._mapping) for row in connection.execute(query)]

    def _make_lease(self, job: str) -> None:
        with self.reading() as connection:
            if connection.execute(select(job_lease.c.job).where(job_lease.c.job == job)).first():
                return
        try:
            with self.writing(announce=False) as connection:
                connection.execute(insert(job_lease).values(job=job, holder="", run_id=0, expires_at=0))
        except exc.IntegrityError:
            pass  # somebody else made it


def _storable(detail: str) -> str:
    """An error's message may hold what a database refuses."""
    return detail[:4000].encode(errors="replace").decode().replace("\0", "?")


def _abandon(connection: Connection, job: str, now: int) -> None:
    left = (job_run.c.job == job) & (job_run.c.state == "running")
    values = {"state": "abandoned", "finished_at": now, "detail": "its holder's lease ran out"}
    connection.execute(update(job_run).where(left).values(values))


def _start(connection: Connection, job: str, holder: str, due_at: int, now: int) -> int:
    values = {"job": job, "holder": holder, "due_at": due_at, "started_at": now}
    result = connection.execute(
        insert(job_run).values(finished_at=0, state="running", detail="", **values).returning(job_run.c.run_id)
    )
    run_id = int(result.scalar_one())
    kept = (
        select(job_run.c.run_id)
        .where(job_run.c.job == job)
        .order_by(job_run.c.run_id.desc())
        .offset(KEPT_RUNS)
        .limit(1)
    )
    oldest = connection.execute(kept).scalar()
    if oldest is not None:
        connection.execute(job_run.delete().where((job_run.c.job == job) & (job_run.c.run_id <= oldest)))
    return run_id
