# run.sh BIN DIR LOCALE-FLAGS -- SERVER-FLAGS
#
# Runs one throw-away server in DIR until stdin is closed, then removes DIR.
# Only the process that wants the server holds the other end of stdin, so the
# kernel closes it however that process ends. The server is a child of this
# script, and not of that process, so there is no moment at which a server
# exists that nobody watches.

bin=$1 dir=$2
shift 2

locale=
while [ "$1" != -- ]; do
	locale="$locale $1"
	shift
done
shift

# The signal that ends the server goes to the whole process group.
trap '' HUP INT QUIT TERM

(
	# shellcheck disable=SC2086 # the flags are several words
	"$bin/initdb" --pgdata="$dir/data" --username=postgres \
		--pwfile="$dir/password" --auth=scram-sha-256 --encoding=UTF8 \
		--no-sync $locale &&
		"$bin/postgres" -D "$dir/data" "$@"
	: >"$dir/exited"
) </dev/null >"$dir/log" 2>&1 &

read -r _

# Once is not enough: a process between fork and the call that installs its
# handler still ignores the signal.
tries=0
while [ ! -e "$dir/exited" ] && [ "$tries" -lt 100 ]; do
	kill -QUIT 0
	sleep 0.1
	tries=$((tries + 1))
done

# A postmaster that lost its directory stops by itself within a minute.
rm -rf "$dir"
if [ "$tries" -ge 100 ]; then
	kill -KILL 0
fi
