#!/usr/bin/env bash
# Does what users of the official image rely on: makes a cluster from
# POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB and POSTGRES_INITDB_ARGS in a
# server that listens on no port, stops it, and starts the one that does. So the
# log says twice that the server is ready, and the port answers only after the
# second time.
set -euo pipefail

if [[ ${1:-} != postgres ]]; then
	exec "$@"
fi

# The server does not run as root.
if [[ $(id -u) == 0 ]]; then
	chown postgres "$PGDATA"
	exec setpriv --reuid=postgres --regid=postgres --init-groups "${BASH_SOURCE[0]}" "$@"
fi

if [[ ! -s $PGDATA/PG_VERSION ]]; then
	: "${POSTGRES_PASSWORD:?a superuser needs a password}"
	user=${POSTGRES_USER:-postgres}
	database=${POSTGRES_DB:-$user}

	# shellcheck disable=SC2086 # the arguments are several words
	initdb --pgdata="$PGDATA" --username="$user" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") \
		--auth-host=scram-sha-256 --auth-local=trust ${POSTGRES_INITDB_ARGS:-}
	echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"

	pg_ctl start --wait --pgdata="$PGDATA" --options="-c listen_addresses=''"
	if [[ $database != postgres ]]; then
		createdb --username="$user" --maintenance-db=postgres "$database"
	fi
	pg_ctl stop --wait --mode=fast --pgdata="$PGDATA"
fi

exec "$@" -c listen_addresses='*'
