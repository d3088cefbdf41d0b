#!/bin/sh
# Keeps the write-ahead log of a server, as it is written, until a base backup needs it no more. The slot makes the server wait
# with deleting while this is away: bound that there by max_slot_wal_keep_size.
# Where the server is and who asks: libpq's own variables; the role needs REPLICATION.
set -eu
umask 077
mkdir -p "$BACKUP_FOLDER/wal"
pg_receivewal --create-slot --if-not-exists --slot=qmcp_backups --no-password
# It ends when it loses the server, and is started again by whoever runs this: that is how one sees it.
exec pg_receivewal --directory="$BACKUP_FOLDER/wal" --slot=qmcp_backups --compress=gzip --no-password --no-loop
