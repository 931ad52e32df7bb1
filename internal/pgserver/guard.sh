# guard.sh DIR
#
# Removes DIR, and the server in DIR/data if there is one, when stdin is closed.
# The word "done" says that no server is left, so that there is nothing to wait
# for.

dir=$1
trap '' HUP INT QUIT TERM

word=
read -r word
tries=0
while [ "$word" != done ] && [ "$tries" -lt 50 ]; do
	if pid=$(head -n 1 "$dir/data/postmaster.pid" 2>/dev/null); then
		kill -QUIT "$pid" 2>/dev/null
	fi
	sleep 0.1
	tries=$((tries + 1))
done
rm -rf "$dir"
