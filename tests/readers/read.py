"""Reads one table with a reader that is not ours and prints its rows as JSON lines, in a form that readers can be compared by.

usage: read.py ENGINE ICEBERG_URL WAREHOUSE API_KEY CLIENT_SECRET NAMESPACE.TABLE [COLUMN]

ENGINE is pyiceberg-rest, pyiceberg-file, duckdb-rest or duckdb-file; the two -file engines ask the catalogue only for the place
of the metadata file. With COLUMN only that top-level column is printed, one value a line.
"""

import datetime
import decimal
import glob
import json
import sys
import sysconfig
import urllib.request


def catalog(url, warehouse, key, secret):
    from pyiceberg.catalog import load_catalog

    return load_catalog("lake", type="rest", uri=url, warehouse=warehouse, credential=f"{key}:{secret}")


def duckdb_connection():
    import duckdb

    connection = duckdb.connect()
    for name in ("avro", "httpfs", "iceberg"):
        pattern = sysconfig.get_paths()["purelib"] + f"/duckdb_extension_{name}/**/*.duckdb_extension"
        for path in glob.glob(pattern, recursive=True):
            connection.execute(f"INSTALL '{path}'")
            connection.execute(f"LOAD '{path}'")
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def metadata_location(url, warehouse, key, secret, table):
    return catalog(url, warehouse, key, secret).load_table(table).metadata_location


def rows(engine, url, warehouse, key, secret, table):
    if engine == "pyiceberg-rest":
        return catalog(url, warehouse, key, secret).load_table(table).scan().to_arrow()
    if engine == "pyiceberg-file":
        from pyiceberg.table import StaticTable

        return StaticTable.from_metadata(metadata_location(url, warehouse, key, secret, table)).scan().to_arrow()
    connection = duckdb_connection()
    if engine == "duckdb-rest":
        connection.execute(
            f"ATTACH '{warehouse}' AS lake (TYPE iceberg, ENDPOINT '{url}', CLIENT_ID '{key}', "
            f"CLIENT_SECRET '{secret}', OAUTH2_SERVER_URI '{url}/v1/oauth/tokens')"
        )
        found = connection.sql(f"SELECT * FROM lake.{table}").arrow()
    else:
        location = metadata_location(url, warehouse, key, secret, table)
        found = connection.sql(f"SELECT * FROM iceberg_scan('{location}')").arrow()
    return found.read_all() if hasattr(found, "read_all") else found


def plain(value):
    """One spelling for each value, whatever the reader makes of it."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in sorted(value.items())}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, datetime.datetime):
        if value.tzinfo is not None:
            value = value.astimezone(datetime.timezone.utc)
        return value.strftime("%Y-%m-%dT%H:%M:%S.%f")
    if isinstance(value, (datetime.date, decimal.Decimal)):
        return str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value


def main():
    engine, url, warehouse, key, secret, table, *column = sys.argv[1:]
    if engine == "types":
        for field in catalog(url, warehouse, key, secret).load_table(table).schema().fields:
            print(field)
        return
    found = rows(engine, url, warehouse, key, secret, table)
    if column:
        for value in found.column(column[0]).to_pylist():
            print(plain(value))
        return
    for line in sorted(json.dumps(plain(row), sort_keys=True) for row in found.to_pylist()):
        print(line)


main()
