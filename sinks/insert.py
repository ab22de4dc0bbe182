"""Sending encoded blocks through clickhouse-driver's own connection.

The driver's encoder is passed by, its framing, compression and protocol revisions are
used: below revision 54454 a column's data follows its type at once, from there on one
byte in between says that it is not serialised specially.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from clickhouse_driver import Client, defines
from clickhouse_driver.block import BlockInfo, ColumnOrientedBlock
from clickhouse_driver.connection import Connection
from clickhouse_driver.protocol import ClientPacketTypes
from clickhouse_driver.varint import write_varint
from clickhouse_driver.writer import write_binary_str, write_binary_uint8

from sinks.clickhouse import identifier
from sinks.native import EncodedBlock


def _nothing() -> None:
    pass


def insert_block(
    client: Client,
    database: str,
    table: str,
    block: EncodedBlock,
    query_id: str = "",
    on_sending: Callable[[], None] = _nothing,
    settings: Mapping[str, object] = MappingProxyType({}),
) -> None:
    """Insert one block; when this returns, it is stored. `settings` go with this query.

    `on_sending` is called once the server is about to be sent rows: an error raised after it
    leaves open whether they were stored, one before it does not.
    """
    columns = ", ".join(map(identifier, block.names))
    # The names are checked; the rows go on their own.
    sql = f"INSERT INTO {identifier(database)}.{identifier(table)} ({columns}) VALUES"
    with client.disconnect_on_error(sql, dict(settings)):
        connection = client.connection
        connection.send_query(sql, query_id=query_id)
        connection.send_external_tables(None)
        _check(client.receive_sample_block().columns_with_types, block)
        on_sending()
        _send_block(connection, block)
        client.receive_profile_events()
        connection.send_data(ColumnOrientedBlock())  # an empty block: the end
        client.receive_profile_events()
        client.receive_end_of_insert_query()


def _check(expected: list[tuple[str, str]], block: EncodedBlock) -> None:
    """The server would convert a block of other types, or read it as something else."""
    sent = dict(zip(block.names, block.types, strict=True))
    for name, kind in expected:
        if sent.get(name) != kind:
            raise TypeError(
                f"column {name} is {kind} in the store and {sent.get(name)} here: run `footfall migrate`"
            )


def _send_block(connection: Connection, block: EncodedBlock) -> None:
    write_varint(ClientPacketTypes.DATA, connection.fout)
    write_binary_str("", connection.fout)  # no external table
    stream = connection.block_out
    out = stream.fout
    BlockInfo().write(out)
    write_varint(len(block.names), out)
    write_varint(block.rows, out)
    revision = connection.server_info.used_revision
    marked = revision >= defines.DBMS_MIN_REVISION_WITH_CUSTOM_SERIALIZATION
    for name, kind, data in zip(block.names, block.types, block.columns, strict=True):
        write_binary_str(name, out)
        write_binary_str(kind, out)
        if marked:
            write_binary_uint8(0, out)
        out.write(data)
    stream.finalize()
