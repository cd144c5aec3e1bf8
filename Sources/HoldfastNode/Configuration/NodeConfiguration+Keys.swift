import HoldfastModel
import HoldfastYAML
import Logging

extension NodeConfiguration {
  /// Every key of the file, with what holds without it. `Docs/configuration.md` shows this table.
  public static let keys = KeyTable([
    .init("cluster", "name", .required, "The cluster's name, the same on all its nodes. Clusters can share one etcd."),
    .init("node", "name", .rule("the host's name"), "This node's name, unique in the cluster."),
    .init("labels", "names with texts", .value("{}"), "What placement can refer to: `{rack: a}`. At most 64."),
    .init(
      "store.etcd.endpoints", "list of URLs", .required,
      "etcd's members, this host's own first: `https://HOST:PORT`. The member's certificate names HOST, or the address that it leads to."
    ),
    .init(
      "store.etcd.ca", "absolute path", .rule("required with `https`"), "PEM certificates of etcd's certificate authority."),
    .init(
      "store.etcd.certificate", "absolute path", .rule("required with `https`, unless there is a `user`"),
      "PEM certificate that this node shows to etcd."),
    .init("store.etcd.key", "absolute path", .rule("required with `certificate`"), "PEM private key of that certificate."),
    .init("store.etcd.user", "text", .rule("none"), "User of etcd's own authentication."),
    .init(
      "store.etcd.password-file", "absolute path", .rule("required with `user`"),
      "File whose first line is that user's password."),
    .init(
      "store.etcd.quota", "MiB, or with a unit: `4GiB`", .rule("`2GiB`, as etcd's own"),
      "etcd's `--quota-backend-bytes`, where that is not the default: members before 3.6 do not tell it."),
    .init(
      "store.etcd.history", "duration, 10s to 168h", .rule("`1h`"),
      "How much of etcd's history is kept: what is older the planner makes etcd forget. The same on all nodes."),
    .init(
      "store.memory", "`{}`", .rule("none"), "Instead of etcd: a store in this process, for demonstrations with one node."),
    .init(
      "hypervisor.connections", "list of libvirt URIs", .required,
      "`lxc:///system`, `qemu:///system`, `host:///system`: one of them or more. The last one lets [parts of the host](parts.md) be run."
    ),
    .init(
      "migration", "`{CONNECTION: URI}`", .rule("none: nothing comes here while it runs"),
      "How the other nodes' libvirt reaches this one, for live migration: `{\"qemu:///system\": qemu+tls://h1/system}`."),
    .init(
      "capacity.memory", "MiB, or with a unit: `4GiB`", .rule("the host's, less 1/16 and at least 512 MiB"),
      "Memory that workloads may use here."),
    .init(
      "capacity.cpus", "number of processors", .rule("the host's"),
      "Processors that workloads may use here; may be more than there are."),
    .init(
      "timing.ttl", "duration, 500ms to 10m", .value("3s"),
      "How long a node's session stands without renewal: the heart of the fail-over time."),
    .init(
      "timing.margin", "duration, 0s to 1m", .value("100ms"),
      "What the others wait besides before they declare a session expired."),
    .init("timing.drift", "percentage, 0% to 10%", .value("1%"), "The greatest rate difference of two hosts' clocks."),
    .init(
      "timing.stop-budget", "duration, 10ms to 1m", .value("50ms"),
      "What the guard gets from its timer to \"everything is frozen\"."),
    .init(
      "timing.start-budget", "duration, 0s to 1m", .value("100ms"),
      "Time that must be left to the deadline for a start to be tried."),
    .init("guard.socket", "absolute path", .rule("`guard.sock` in `run-dir`"), "The guard's door: its `--run-dir` must agree."),
    .init(
      "guard.partition", "cgroup path", .value("/holdfast"),
      "The partition of all protected domains: the guard's `--partition` must agree."),
    .init(
      "api.socket", "absolute path", .rule("`holdfastd.sock` in `run-dir`"), "Where the `holdfast` command finds the daemon."),
    .init(
      "api.group", "Unix group", .rule("none: root only"), "The group that may use the socket: its members control the cluster."
    ),
    .init(
      "run-dir", "absolute path", .value("/run/holdfast"), "State for a restarted daemon; a reboot must empty it (tmpfs)."),
    .init(
      "state-dir", "absolute path", .value("/var/lib/holdfast"),
      "What outlives a reboot: notices that wait. Nothing is written there without `notices`."),
    .init(
      "notices", "list of receivers, at most 16", .rule("none"),
      "Who is told what happens: [notices.md](notices.md). Each has one of `run`, `webhook`, `mail`."),
    .init(
      "notices[].run", "absolute path", .rule("none"),
      "An executable, run as root for each notice: JSON on its standard input, exit status 0 when it is done."),
    .init(
      "notices[].webhook", "URL", .rule("none"),
      "An address that each notice is posted to as JSON: `https://…`, or `http://` on loopback. A status of 2xx says that it is taken."
    ),
    .init(
      "notices[].secret-file", "absolute path", .rule("none: not signed"),
      "With `webhook`: the file whose first line the requests are signed with."),
    .init("notices[].mail", "address", .rule("none"), "A mailbox, by this host's `/usr/sbin/sendmail`."),
    .init(
      "notices[].events", "list of [events](notices.md#events)", .rule("all"), "Which events: `[node-lost, start-failed]`."),
    .init(
      "notices[].severity", "`info`, `warning` or `error`", .rule("`info` with `events`, else `warning`"),
      "The least severe that are told."),
    .init("notices[].timeout", "duration, 1s to 10m", .rule("`30s`"), "What one delivery may take; then it has failed."),
    .init(
      "hooks", "list of hooks, at most 16", .rule("none"),
      "Executables that are asked before, and told after, what this node does with a workload: [hooks.md](hooks.md)."),
    .init(
      "hooks[].run", "absolute path", .required,
      "The executable, run as root: JSON on its standard input, exit status 0 when it agrees."),
    .init(
      "hooks[].before", "list of `start`, `stop`, `migrate`", .rule("none"),
      "What it is asked about, before that is done. It may refuse a start and a live migration."),
    .init("hooks[].after", "list of `start`, `stop`, `migrate`", .rule("none"), "What it is told of, after that was tried."),
    .init(
      "hooks[].workloads", "[names and labels](policies.md), or a list of them", .rule("`all`"),
      "The workloads that it is about: `db-*`, `tier=db`."),
    .init(
      "hooks[].timeout", "duration, 100ms to 1m", .rule("`10s`"), "What one run may take; then it is killed and has failed."),
    .init(
      "hooks[].on-failure", "`refuse` or `ignore`", .rule("`refuse`"),
      "What follows when it says no, hangs or cannot be run: the start or the live migration is refused, or is done all the same."
    ),
    .init(
      "on-stop", "`evacuate`, `handover` or `stay`", .value("handover"),
      "What a clean stop, and so a shutdown of the host, does: move the workloads to other nodes, live where that can be done; stop them here and start them there, which is sooner over; or leave them to a daemon that is back within the TTL."
    ),
    .init(
      "log.level", Logger.Level.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", "), .value("info"),
      "The least severe messages that are logged.")
  ])

  /// Every key with the value in effect, as it would be written in the file; keys without a value are left out.
  public var settings: [(key: String, value: String)] {
    func list(_ items: [String]) -> String { "[" + items.map { "\"\($0)\"" }.joined(separator: ", ") + "]" }
    var settings: [(String, String?)] = [
      ("cluster", cluster), ("node", node.text),
      ("labels", "{" + labels.sorted { $0.key < $1.key }.map { "\($0): \"\($1)\"" }.joined(separator: ", ") + "}")
    ]
    switch store {
    case .memory: settings.append(("store.memory", "{}"))
    case .etcd(let etcd):
      settings += [
        ("store.etcd.endpoints", list(etcd.endpoints.map(\.description))), ("store.etcd.ca", etcd.tls?.ca),
        ("store.etcd.certificate", etcd.tls?.client?.certificate), ("store.etcd.key", etcd.tls?.client?.key),
        ("store.etcd.user", etcd.login?.user), ("store.etcd.password-file", etcd.login?.passwordFile),
        ("store.etcd.quota", "\(etcd.quota)"), ("store.etcd.history", Quantity.text(etcd.history))
      ]
    }
    let cpus = InWords.number(capacity.cpus), drift = "\(InWords.number(Double(timing.drift) / 10_000))%"
    let uris = migration.sorted { $0.key < $1.key }.map { "\"\($0)\": \"\($1)\"" }
    settings += [
      ("hypervisor.connections", list(connections)),
      ("migration", uris.isEmpty ? nil : "{\(uris.joined(separator: ", "))}"), ("capacity.memory", "\(capacity.memory)"),
      ("capacity.cpus", cpus),
      ("timing.ttl", Quantity.text(timing.ttl)), ("timing.margin", Quantity.text(timing.margin)), ("timing.drift", drift),
      ("timing.stop-budget", Quantity.text(timing.stopBudget)), ("timing.start-budget", Quantity.text(timing.startBudget)),
      ("guard.socket", guardDoor.socket), ("guard.partition", guardDoor.partition), ("api.socket", api.socket),
      ("api.group", api.group), ("run-dir", runDirectory),
      ("state-dir", stateDirectory),
      ("notices", receivers.isEmpty ? nil : "[\(receivers.map(\.setting).joined(separator: ", "))]"),
      ("hooks", hooks.isEmpty ? nil : "[\(hooks.map(\.setting).joined(separator: ", "))]"),
      ("on-stop", onStop.rawValue), ("log.level", logLevel.rawValue)
    ]
    return settings.compactMap { key, value in value.map { (key, $0) } }
  }
}
