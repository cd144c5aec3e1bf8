import HoldfastModel
import HoldfastTime
import HoldfastYAML
import Logging

/// Reads one configuration file: the parts that stand for themselves. The store has a room of its own.
struct ConfigurationReading {
  let log: MistakeLog
  let host: HostFacts

  init(_ log: MistakeLog, host: HostFacts) {
    self.log = log
    self.host = host
  }

  func read() throws(ConfigurationErrors) -> NodeConfiguration {
    let documents = YAMLDocuments.compose(log)
    if let second = documents.dropFirst().first {
      second.wrong(expected: "one document", found: "another one", remedy: "Remove the '---' and join the two.")
    }
    let reading = (documents.first?.section(of: NodeConfiguration.keys, at: "")).map(configuration)
    if documents.isEmpty, log.isEmpty {
      log.add(
        .error, at: FilePosition(line: 1, column: 1), key: nil, expected: "a configuration", found: "nothing",
        remedy: "Start from Examples/holdfastd.yaml.")
    }
    var (configuration, warnings) = try log.finish(reading)
    configuration.warnings = warnings
    return configuration
  }

  private func configuration(_ top: YAMLSection) -> NodeConfiguration {
    let store = StoreReading(top: top).store()
    let runDirectory = top.read("run-dir", default: "/run/holdfast") { $0.absolutePath() }
    let guardDoor = guardPlace(top["guard"], runDirectory: runDirectory)
    let cluster = top.required(
      "cluster", expected: "the cluster's name", remedy: "Add 'cluster: NAME', the same on all nodes.")
    let name = cluster?.name() ?? "", node = node(top), labels = top.read("labels", default: [:]) { $0.labels() }
    let connections = connections(top)
    return NodeConfiguration(
      cluster: name, node: node, labels: labels, store: store, connections: connections,
      migration: migration(top["migration"], connections: connections), capacity: capacity(top["capacity"]),
      timing: timing(top["timing"], store: store), guardDoor: guardDoor,
      api: apiPlace(top["api"], runDirectory: runDirectory, guardSocket: guardDoor.socket), runDirectory: runDirectory,
      stateDirectory: top.read("state-dir", default: NodeConfiguration.defaultStateDirectory) { $0.absolutePath() },
      receivers: NoticesReading(host: host).receivers(top["notices"]), hooks: HooksReading.hooks(top["hooks"]),
      onStop: top.read("on-stop", default: .handover) { $0.choice(NodeConfiguration.OnStop.self) },
      logLevel: section(top["log"], "log")?.read("level", default: .info) { $0.choice(Logger.Level.self) } ?? .info)
  }

  private func section(_ value: YAMLValue?, _ home: String) -> YAMLSection? {
    value?.section(of: NodeConfiguration.keys, at: home)
  }

  private func node(_ top: YAMLSection) -> NodeName {
    if let value = top["node"] { return NodeName(value.name() ?? "") }
    if !NodeName.isValid(host.name) {
      top.missing(
        "node", expected: "a name, as the host's name \(YAMLValue.quote(host.name)) is none", remedy: "Add 'node: NAME'.")
    }
    return NodeName(host.name)
  }

  private func connections(_ top: YAMLSection) -> [String] {
    let remedy =
      "Add 'hypervisor: {connections: [\"lxc:///system\", \"qemu:///system\"]}', or the one of them that this host has."
    let expected = "libvirt connections such as [\"lxc:///system\"]"
    guard let section = section(top.required("hypervisor", expected: expected, remedy: remedy), "hypervisor"),
      let value = section.required("connections", expected: expected, remedy: remedy),
      let items = value.items(expected: expected, remedy: "Write a list, even of one.")
    else { return [] }
    if items.isEmpty { value.wrong(expected: expected, found: "an empty list", remedy: remedy) }
    return YAMLValue.distinct(items) { $0.connection() }
  }

  private func migration(_ value: YAMLValue?, connections: [String]) -> [String: String] {
    let expected = "libvirt URIs such as {\"qemu:///system\": qemu+tls://h1/system}"
    guard let value, let entries = value.entries(expected: expected, remedy: "Write {CONNECTION: URI}.") else { return [:] }
    var uris: [String: String] = [:]
    for entry in entries {
      guard let connection = entry.key.connection() else { continue }
      if SpecRecord.isOfHost(connection) {
        entry.key.wrong(
          expected: "a connection whose domains can be moved while they run",
          remedy: "Remove it: parts of the host are stopped and started.")
      } else if connection.hasPrefix("lxc:") {
        entry.key.wrong(
          expected: "a connection whose domains can be moved while they run",
          remedy: "Remove it: containers are stopped and started."
        )
      } else if !connections.contains(connection) {
        entry.key.wrong(
          expected: "one of this node's connections", remedy: "Add it to 'hypervisor.connections', or remove it here.")
      }
      uris[connection] = entry.value.migrationURI(of: connection)
    }
    return uris
  }

  private func capacity(_ value: YAMLValue?) -> Resources {
    let section = section(value, "capacity")
    if section?["memory"] == nil, host.capacityMemory == nil {
      log.add(
        at: value?.position ?? FilePosition(line: 1, column: 1), key: "capacity.memory", expected: "the memory of this host",
        found: "nothing, here or in /proc/meminfo", remedy: "Add 'capacity: {memory: MIB}'.")
    }
    let memory = section?.read("memory", default: host.capacityMemory ?? 0) { $0.mebibytes() } ?? host.capacityMemory ?? 0
    if let total = host.memory, memory > total {
      section?["memory"]?.wrong(
        .warning, expected: "at most the host's \(total) MiB",
        remedy: "Lower it, or be sure that workloads use less than they may.")
    }
    let cpus = Double(host.processors)
    return Resources(
      memory: memory, cpus: section?.read("cpus", default: cpus) { $0.processors(from: 0.1, to: 10_000) } ?? cpus)
  }

  private func timing(_ value: YAMLValue?, store: NodeConfiguration.StoreChoice) -> Timing {
    guard let value, let section = section(value, "timing") else { return Timing() }
    let base = Timing()
    let timing = Timing(
      ttl: section.read("ttl", default: base.ttl) { $0.duration(in: .milliseconds(500) ... .seconds(600)) },
      margin: section.read("margin", default: base.margin) { $0.duration(in: .zero ... .seconds(60)) },
      drift: section.read("drift", default: base.drift) { $0.percentage(to: 100_000) },
      // Measured: up to 3 ms to freeze a partition; below 10 ms a busy host's scheduler would decide.
      stopBudget: section.read("stop-budget", default: base.stopBudget) { $0.duration(in: .milliseconds(10) ... .seconds(60)) },
      startBudget: section.read("start-budget", default: base.startBudget) { $0.duration(in: .zero ... .seconds(60)) })
    if let contradiction = timing.contradiction {
      value.wrong(
        expected: "times that work together", found: contradiction, remedy: "Raise ttl, or lower what is taken off it.")
    }
    advise(on: timing, at: section["ttl"] ?? value, store: store)
    return timing
  }

  /// What works, but not as people expect.
  private func advise(on timing: Timing, at place: YAMLValue, store: NodeConfiguration.StoreChoice) {
    // The longest that etcd was seen to take for writes after the loss of its leader, at its default timing of 100/1000 ms.
    let leaderChange = Duration.milliseconds(1600)
    // The last renewal may have been sent a whole interval before the leader was lost.
    let bridged = timing.deadline(sent: .zero) - BootInstant.zero - timing.renewInterval
    if case .etcd = store, bridged < leaderChange {
      place.wrong(
        .warning, expected: "a ttl that outlasts a change of etcd's leader (up to 1.6s at its default timing)",
        found:
          "\(Quantity.text(timing.ttl)), which bridges \(Quantity.text(.milliseconds(bridged.wholeNanoseconds / 1_000_000)))",
        remedy: "Use 3s, or lower etcd's --election-timeout: else every such change pauses this node's workloads.")
    }
    if timing.ttl > .seconds(30) {
      place.wrong(
        .warning, expected: "a ttl of seconds",
        remedy: "Use 3s, unless workloads of a dead node may stay away for \(Quantity.text(timing.ttl)).")
    }
  }

  private func guardPlace(_ value: YAMLValue?, runDirectory: String) -> NodeConfiguration.GuardPlace {
    let section = section(value, "guard")
    return .init(
      socket: section?.read("socket", default: nil) { $0.socketPath() } ?? "\(runDirectory)/guard.sock",
      partition: section?.read("partition", default: nil) { $0.partition() } ?? "/holdfast")
  }

  private func apiPlace(_ value: YAMLValue?, runDirectory: String, guardSocket: String) -> NodeConfiguration.APIPlace {
    let section = section(value, "api")
    let socket =
      section?.read("socket", default: nil) { $0.socketPath(most: SocketFile.longestPath) } ?? "\(runDirectory)/holdfastd.sock"
    if socket == guardSocket {
      (section?["socket"] ?? value)?.wrong(
        expected: "a socket of its own", found: "the guard's socket \(YAMLValue.quote(socket))", remedy: "Choose another path.")
    }
    return .init(socket: socket, group: section?.read("group", default: nil) { $0.group() })
  }
}
