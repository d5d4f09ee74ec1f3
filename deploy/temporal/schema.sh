#!/bin/sh
# Creates Temporal's two databases and brings their schemas up to date. Repeating it changes nothing.
set -eu

sql_tool() {
    temporal-sql-tool --plugin postgres12 --ep "$POSTGRES_SEEDS" --port 5432 --user "$POSTGRES_USER" --database "$@"
}

for database in temporal visibility; do
    name=$database
    [ "$database" = temporal ] || name=temporal_$database
    sql_tool "$name" create
    sql_tool "$name" setup-schema --version 0.0
    sql_tool "$name" update-schema --schema-dir "/etc/temporal/schema/postgresql/v12/$database/versioned"
done
