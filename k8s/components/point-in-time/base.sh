#!/bin/sh
# Copies the whole server as it is, reads the copy back, notes it in every database of QMCP, and deletes what no kept copy needs.
# With the write-ahead log that wal.sh keeps, any moment since the oldest copy can be gone back to.
# Where the server is and who asks: libpq's own variables; the role needs REPLICATION.
#   BACKUP_FOLDER  where they are kept
#   BACKUP_DAYS    how long; the last stays, however old it is
#   BACKUP_PREFIX  of the names of the databases
set -eu
umask 077
folder=$BACKUP_FOLDER/base
at=$(date -u +%Y%m%dT%H%M%SZ)
mkdir -p "$folder"
rm -rf "$folder"/*.part
pg_basebackup --pgdata="$folder/$at.part" --format=tar --gzip --checkpoint=fast --wal-method=none --no-password
for archive in "$folder/$at.part"/*.tar.gz; do
  tar --list --gzip --file="$archive" > /dev/null
done
sync "$folder/$at.part"
mv "$folder/$at.part" "$folder/$at"
echo "base backup: $(du -sk "$folder/$at" | cut -f1) KiB in $at"
export BACKUP_PREFIX
psql --no-psqlrc --tuples-only --no-align --dbname=postgres <<'SQL' |
\getenv prefix BACKUP_PREFIX
SELECT datname FROM pg_database WHERE starts_with(datname, :'prefix') AND datallowconn
SQL
while read -r database; do
  psql --no-psqlrc --quiet --dbname="$database" --set=ON_ERROR_STOP=1 --command="
    INSERT INTO backups (kind, finished_at) VALUES ('base', now())
    ON CONFLICT (kind) DO UPDATE SET finished_at = excluded.finished_at"
done
find "$folder" -mindepth 1 -maxdepth 1 -type d | sort -r | tail -n +2 | while read -r old; do
  find "$old" -maxdepth 0 -mtime "+$BACKUP_DAYS" -exec rm -rf {} +
done
# Nothing before the beginning of the oldest that is kept is of any use.
oldest=$(find "$folder" -mindepth 1 -maxdepth 1 -type d | sort | head -n 1)
first=$(tar --extract --gzip --to-stdout --file="$oldest/base.tar.gz" backup_label | sed -n 's/^START WAL LOCATION: .*(file \([0-9A-F]*\)).*/\1/p')
pg_archivecleanup --strip-extension=.gz "$BACKUP_FOLDER/wal" "$first"
