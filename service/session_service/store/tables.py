"""The names of agno's tables for one source, as quoted SQL. They come from configuration, never from a request."""

from __future__ import annotations

from dataclasses import dataclass

from session_service.database.dsn_map import Source

FILES_SCHEMA = '"fs"'
"""The schema of agno's files of tool results, whatever the schema of its sessions."""


@dataclass(frozen=True, slots=True)
class Dependants:
    """The tables whose rows are deleted with a session, as quoted SQL; agno creates most of them on first use."""

    bindings: str
    transcripts: str
    compactions: str
    tool_results: str
    files: str


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of one source as quoted SQL: `schema` is the schema alone, tables are `schema.table`.

    `session_table_name` and `runs_table_name` are plain names. This is for the catalog, for creating tables and
    indexes, and for rows that are deleted with a session; statements reach sessions and runs only through `Owned`.
    """

    schema: str
    sessions: str
    runs: str
    dependants: Dependants
    schema_versions: str
    session_table_name: str
    runs_table_name: str

    @classmethod
    def of(cls, source: Source) -> Tables:
        """The tables of a source, by agno's naming."""

        def table(name: str) -> str:
            return f"{quoted(source.schema)}.{quoted(name)}"

        return cls(
            schema=quoted(source.schema),
            sessions=table(source.session_table),
            runs=table(source.runs_table),
            dependants=Dependants(
                bindings=table(f"{source.session_table}_sandbox_bindings"),
                transcripts=table("agno_transcripts"),
                compactions=table("agno_compactions"),
                tool_results=table("agno_tool_results"),
                files=f'{FILES_SCHEMA}."agno_fs"',
            ),
            schema_versions=table("agno_schema_versions"),
            session_table_name=source.session_table,
            runs_table_name=source.runs_table,
        )


def quoted(name: str) -> str:
    """A quoted SQL identifier; `%` is doubled since statements carry bound parameters."""
    return '"' + name.replace('"', '""').replace("%", "%%") + '"'


def catalog_name(quoted_name: str) -> str:
    """The same name as the value of a parameter, which `to_regclass` takes."""
    return quoted_name.replace("%%", "%")
