# SPDX-License-Identifier: AGPL-3.0-or-later
# Starts a PostgreSQL for the tests and exports CONSEND_TEST_POSTGRES. Source it: . script/postgres.sh
# It takes the binaries that are installed, else Debian's packages. When there is none, it says
# so in one line and leaves the variable unset (and fails if CONSEND_TEST_REQUIRE names postgres).
# The server listens on loopback only, keeps its files in one folder, and is shared by runs.

consend_pg_start() {
  dir="${CONSEND_TEST_PGDIR:-${TMPDIR:-/tmp}/consend-test-postgres-$(id -u)}"
  port="${CONSEND_TEST_PGPORT:-55471}"
  bin=""
  find_bin() {
    for d in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV) $(dirname "$(command -v initdb 2>/dev/null || echo /none/x)"); do
      if [ -x "$d/initdb" ] && [ -x "$d/postgres" ]; then bin="$d"; return 0; fi
    done
    return 1
  }
  if ! find_bin && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql; } >/dev/null 2>&1
    find_bin
  fi
  if [ -z "$bin" ]; then
    echo "PostgreSQL: not found and not installable here; its tests are left out" >&2
    return 1
  fi
  run="sh -c"
  if [ "$(id -u)" = 0 ]; then run="su postgres -s /bin/sh -c"; fi
  if $run "$bin/pg_ctl -D '$dir' status" >/dev/null 2>&1; then :; else
    if [ ! -f "$dir/PG_VERSION" ]; then
      rm -rf "$dir"; mkdir -p "$dir"; chmod 700 "$dir"
      [ "$(id -u)" = 0 ] && chown postgres "$dir"
      $run "$bin/initdb -D '$dir' -U consend -A trust -E UTF8 --no-locale --no-sync" >/dev/null 2>&1 || { echo "PostgreSQL: initdb failed in $dir" >&2; return 1; }
    fi
    # Tests gain from no syncing; benchmarks start their own server, which syncs.
    $run "$bin/pg_ctl -D '$dir' -w -t 60 -l '$dir/log' -o \"-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='$dir' -c fsync=off -c full_page_writes=off -c synchronous_commit=off -c max_connections=400 -c shared_buffers=128MB -c log_error_verbosity=terse -c log_parameter_max_length_on_error=0\" start" >/dev/null 2>&1 ||
      { echo "PostgreSQL: did not start, see $dir/log" >&2; return 1; }
  fi
  CONSEND_TEST_POSTGRES="postgres://consend@127.0.0.1:$port/postgres?sslmode=disable"
  export CONSEND_TEST_POSTGRES
}
consend_pg_start || case ",${CONSEND_TEST_REQUIRE}," in *,postgres,*) echo "PostgreSQL is required here" >&2; exit 1;; esac
