#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# Our figures beside a floor of the same shape. WHAT="import trace" chooses, N=100000 changes the size.
# PostgreSQL is one of its own, with its default settings (it syncs), and ends with the run.
set -u
cd "$(dirname "$0")/.."
export CGO_ENABLED=0
dir="$(mktemp -d "${CONSEND_BENCH_DIR:-${TMPDIR:-/tmp}}/consend-bench-pg-XXXXXX")"
bin=""
for d in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV); do
  if [ -x "$d/initdb" ]; then bin="$d"; break; fi
done
as() { if [ "$(id -u)" = 0 ]; then su postgres -s /bin/sh -c "$1"; else sh -c "$1"; fi; }
stop() { [ -n "$bin" ] && as "$bin/pg_ctl -D '$dir/data' -m fast stop" >/dev/null 2>&1; rm -rf "$dir"; }
trap stop EXIT INT TERM
if [ -n "$bin" ]; then
  chmod 755 "$dir"; mkdir "$dir/data"; chmod 700 "$dir/data"
  [ "$(id -u)" = 0 ] && chown postgres "$dir/data"
  port="${CONSEND_BENCH_PGPORT:-55472}"
  as "$bin/initdb -D '$dir/data' -U consend -A trust -E UTF8 --no-locale" >/dev/null 2>&1 &&
    as "$bin/pg_ctl -D '$dir/data' -w -l '$dir/data/log' -o \"-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='$dir/data'\" start" >/dev/null 2>&1 &&
    CONSEND_BENCH_POSTGRES="postgres://consend@127.0.0.1:$port/postgres?sslmode=disable" && export CONSEND_BENCH_POSTGRES &&
    CONSEND_BENCH_PGPID="$(head -1 "$dir/data/postmaster.pid")" && export CONSEND_BENCH_PGPID
fi
[ -n "${CONSEND_BENCH_POSTGRES:-}" ] || echo "PostgreSQL: not found; its figures are left out" >&2
mkdir -p bin && go build -o bin/bench ./bench || exit 1
# shellcheck disable=SC2086
bin/bench ${WHAT:-}
