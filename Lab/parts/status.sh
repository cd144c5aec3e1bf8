# shellcheck shell=bash
# What the lab looks like.

# The host whose etcd says that it leads, in the highest term: one that was cut off may say so too, in an older one.
lab_leader() {
  need_root
  local host answers best=-1 term leader
  switch_process >/dev/null
  answers=$(
    for host in $(host_names); do
      host_is_up "$host" || continue
      etcdctl_at "$host" endpoint status -w fields 2>/dev/null | awk -v host="$host" -F' : ' '
        /^"Leader"/ { leader = $2 } /^"MemberID"/ { member = $2 } /^"RaftTerm"/ { term = $2 }
        END { if (member != "" && member == leader) print term, host }' &
    done
    wait
  )
  while read -r term host; do
    if [ -n "$term" ] && [ "$term" -gt "$best" ]; then best=$term leader=$host; fi
  done <<<"$answers"
  [ -n "${leader:-}" ] || die "no etcd member that the switch reaches leads"
  say "$leader"
}

cuts_of() { # HOST SETS-LISTING
  local set found=()
  for set in deaf mute no-etcd; do
    if awk -v set="$set" -v port="\"p${1#h}\"" '
      $1 == "set" { inside = ($2 == set) } inside && index($0, port) { found = 1 } END { exit !found }' <<<"$2"; then
      found+=("$set")
    fi
  done
  [ ${#found[@]} = 0 ] && echo - || (IFS=,; echo "${found[*]}")
}

lab_status() {
  need_root
  local host sets power service pid line
  if ! process_in "$STATE/switch.pid" switch >/dev/null; then
    say "$LAB_NAME is down (state folder $STATE)"
    cgroup_empty && [ ! -d "$CGROUPS/pids/$LAB_NAME" ] || say "something of it is left: lab down"
    return 1
  fi
  say "$LAB_NAME  $LAB_NET  switch $(switch_address)  state $STATE"
  sets=$(in_switch nft list ruleset)
  printf '%-5s %-15s %-7s %-13s %-6s %s\n' HOST ADDRESS POWER CUT PROCS SERVICES
  for host in $(host_names); do
    power=on line=
    if ! host_is_up "$host"; then
      power=off
    else
      if cgroup_frozen "$host"; then power=frozen; fi
      for service in $(services); do
        pid=$(cat "$(host_root "$host")/run/lab/$service.pid" 2>/dev/null) || pid=down
        line+="$service:$pid "
      done
    fi
    printf '%-5s %-15s %-7s %-13s %-6s %s\n' "$host" "$(host_address "$host")" "$power" "$(cuts_of "$host" "$sets")" \
      "$(cgroup_processes "$host" | wc -l)" "$line"
  done
}
