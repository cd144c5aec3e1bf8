# shellcheck shell=bash
# Who uses what the hosts serve: a machine beside them, with a network of its own; and what the switch sees of addresses.

client_process() { process_in "$STATE/client.pid" client; }

# Nothing is set in its network but its address: it learns of an address that moved as any machine does.
lab_client() {
  need_root
  local switch client ready=$STATE/client-ready
  switch=$(switch_process)
  if client_process >/dev/null; then die "the client is on already"; fi
  cgroup_work
  cgroup_make client
  rm -f "$ready"
  (
    cgroup_enter client
    # shellcheck disable=SC2016
    exec setsid unshare --net -- bash -c ': >"$0"; exec -a "$1" sleep infinity' "$ready" "$LAB_NAME-client"
  ) </dev/null >>"$STATE/client.log" 2>&1 &
  client=$!
  wait_for "the client" "$STATE/client.log" test -e "$ready"
  nsenter --target "$switch" --net -- ip -batch - <<END || die "cannot lay the client's cable"
link add client type veth peer name eth0 netns $client
link set client master br0 up
END
  nsenter --target "$client" --net -- ip -batch - <<END || die "cannot set the client's address"
link set lo up
link set eth0 up
addr add $(client_address)/16 dev eth0
END
  echo "$client" >"$STATE/client.pid"
  say "/proc/$client/ns/net"
}

lab_in_client() {
  need_root
  [ $# -gt 0 ] || die "in-client: which command?"
  local client
  client=$(client_process) || die "the lab $LAB_NAME has no client: lab client"
  (
    cgroup_enter client
    exec nsenter --target "$client" --net -- "$@"
  )
}

# Until `down`: every frame in which a host speaks as one of the addresses, a line in the shared folder (switch/frames.c).
lab_capture() { # ADDRESS...
  need_root
  [ $# -gt 0 ] || die "capture: of which addresses?"
  local switch trace=$SHARED/frames log=$STATE/frames.log
  switch=$(switch_process)
  cgroup_work
  cc -O2 -Wall -Wextra -Werror -o "$STATE/frames" "$SOURCE/switch/frames.c"
  (
    cgroup_enter switch
    exec setsid nsenter --target "$switch" --net -- "$STATE/frames" "$@"
  ) </dev/null >"$trace" 2>"$log" &
  wait_for "the capture" "$log" test -s "$trace"
  say "$trace"
}
