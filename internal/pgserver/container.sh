# container.sh SERVER-COMMAND
#
# The container's first process: runs the image's own entrypoint until stdin is
# closed. Only the process that started the container is attached to stdin, so
# the engine closes it however that process ends; when the first process of a
# container ends, all others do.

exec 3<&0
docker-entrypoint.sh "$@" </dev/null 3<&- &
server=$!
(
	read -r _ <&3
	# Everybody but the first process, which then returns from wait.
	kill -KILL -1
) &
wait "$server"
