"""A replica of the tests' server: that it has caught up, and that it stays behind."""

from tests.service.agno import Agno


def caught_up(primary: Agno, replica: Agno) -> None:
    """Wait until the replica has all that the primary has written."""
    position = primary.value("SELECT pg_current_wal_flush_lsn()")
    while not replica.server.run("SELECT pg_last_wal_replay_lsn() >= %s", position)[0][0]:
        pass


def paused(replica: Agno) -> None:
    """Have the replica stay where it is; `resumed` ends that."""
    replica.server.run("SELECT pg_wal_replay_pause()")
    told = "pg_get_wal_replay_pause_state() = 'paused'" if replica.server.version >= 14 else "pg_is_wal_replay_paused()"
    while replica.server.run(f"SELECT {told}") != [(True,)]:
        pass


def resumed(replica: Agno) -> None:
    """Have it go on."""
    replica.server.run("SELECT pg_wal_replay_resume()")
