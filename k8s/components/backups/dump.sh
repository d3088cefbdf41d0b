#!/bin/sh
# Dumps every database of QMCP on one server, reads each dump back, notes it in the database, and deletes what is too old.
# Where the server is and who asks: libpq's own variables (PGHOST, PGPORT, PGUSER, PGPASSWORD, PGSSLMODE).
#   BACKUP_FOLDER  where they are kept
#   BACKUP_DAYS    how long; the last of a database stays, however old it is
#   BACKUP_PREFIX  of the names of the databases
set -eu
umask 077
folder=$BACKUP_FOLDER/dumps
at=$(date -u +%Y%m%dT%H%M%SZ)
mkdir -p "$folder"
# What a run that was killed has left.
find "$folder" -name '*.part' -delete
export BACKUP_PREFIX
databases=$(psql --no-psqlrc --tuples-only --no-align --dbname=postgres <<'SQL'
\getenv prefix BACKUP_PREFIX
SELECT datname FROM pg_database WHERE starts_with(datname, :'prefix') AND datallowconn ORDER BY datname
SQL
)
if [ -z "$databases" ]; then
  echo "No database on $PGHOST begins with $BACKUP_PREFIX." >&2
  exit 1
fi
failed=
for database in $databases; do
  part=$folder/$database-$at.dump.part
  # One that fails keeps no other from being saved.
  if pg_dump --format=custom --lock-wait-timeout=60s --file="$part" "$database" && pg_restore --list "$part" > /dev/null; then
    sync "$part"
    mv "$part" "${part%.part}"
    psql --no-psqlrc --quiet --dbname="$database" --set=ON_ERROR_STOP=1 --command="
      INSERT INTO backups (kind, finished_at) VALUES ('dump', now())
      ON CONFLICT (kind) DO UPDATE SET finished_at = excluded.finished_at" || failed="$failed $database"
    echo "$database: $(wc -c < "${part%.part}") bytes in $(basename "${part%.part}")"
    # Newest first; the first is never deleted.
    find "$folder" -name "$database-*.dump" | sort -r | tail -n +2 | while read -r old; do
      find "$old" -mtime "+$BACKUP_DAYS" -delete
    done
  else
    failed="$failed $database"
  fi
done
if [ -n "$failed" ]; then
  echo "No backup of:$failed" >&2
  exit 1
fi
