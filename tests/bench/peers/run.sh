#!/usr/bin/env bash
# What others do with many jobs due in one minute: graphile-worker and pg_cron, on the PostgreSQL
# server at URL (with pg_cron loaded). Prints a line each: NAME DUE STARTED P50_MS P99_MS.
#
#   run.sh URL FOLDER DUE..
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
url=$1 folder=$2
shift 2

summary() {
  sort -n | awk -v name="$1" -v due="$2" '
    {late[NR] = $1}
    END {printf "%s %d %d %d %d\n", name, due, NR, late[int((NR + 1) / 2)], late[int(NR * 0.99 + 0.99)]}'
}

graphile_worker() {
  mkdir -p "$folder"
  cp "$here/package.json" "$here/graphile_worker.mjs" "$folder"
  (cd "$folder" && npm install --silent --no-fund --no-audit >&2 &&
    node graphile_worker.mjs "$url" "$1") | summary graphile-worker "$1"
}

sql() { PGOPTIONS='-c client_min_messages=warning' psql -X -q -A -t -v ON_ERROR_STOP=1 "$url" -c "$1"; }

pg_cron() {
  sql "CREATE EXTENSION IF NOT EXISTS pg_cron;
       CREATE TABLE IF NOT EXISTS ticks (at timestamptz DEFAULT clock_timestamp()); TRUNCATE ticks"
  sql "SELECT cron.schedule('tick-' || i, '* * * * *', 'INSERT INTO ticks DEFAULT VALUES')
         FROM generate_series(1, $1) i" >/dev/null
  local minute=$((($(date +%s) + 62) / 60 * 60))
  sleep $((minute + 50 - $(date +%s)))
  sql "SELECT cron.unschedule(jobid) FROM cron.job" >/dev/null
  sql "SELECT round(extract(epoch FROM at - to_timestamp($minute)) * 1000) FROM ticks
        WHERE at >= to_timestamp($minute) AND at < to_timestamp($((minute + 60)))" |
    summary pg_cron "$1"
}

for due in "$@"; do
  graphile_worker "$due"
  pg_cron "$due"
done
