import CgroupIsolation
import Foundation
import Glibc
import GuardCore
import HoldfastModel
import HoldfastPorts
import HoldfastTime
import HostParts
import HostServices
import LinuxBasics
import Logging
import Testing

let isRoot = getuid() == 0

/// Every hierarchy of this machine that can freeze.
let hierarchies: [CgroupHierarchy] = CgroupHierarchy.Version.allCases.compactMap { try? CgroupHierarchy.find($0) }

struct Trouble: Error, CustomStringConvertible { var description: String }

/// The adapter on this very host, with a partition and a directory of its own, and what it told.
actor TestedHost {
  nonisolated let hierarchy: CgroupHierarchy
  nonisolated let directory: String
  nonisolated let place: HostPlace
  nonisolated let partition: Partition
  /// nil: no part of it is a unit.
  nonisolated let systemd: PrivateSystemd?
  private(set) var host: HostServices
  private(set) var events: [HypervisorEvent] = []
  private var reader: Task<Void, Never>?
  private static let logger = Logger(label: "host") { _ in SwiftLogNoOpLogHandler() }

  static let uuid = "6f1b9f0e-0000-4000-8000-000000000001"
  static let id = DomainID(connection: SpecRecord.hostConnection, name: "files")
  nonisolated var id: DomainID { Self.id }

  /// Runs `body`, then takes down whatever is left of it.
  static func with(_ hierarchy: CgroupHierarchy, _ body: (TestedHost) async throws -> Void) async throws {
    try await run(try TestedHost(hierarchy, nil, named: newName), body)
  }

  /// The same with a systemd of its own, which has these units besides.
  static func with(
    _ hierarchy: CgroupHierarchy, units: [String: String], _ body: (TestedHost, PrivateSystemd) async throws -> Void
  ) async throws {
    let name = newName, systemd = try await PrivateSystemd.started(in: "/tmp/" + name, hierarchy.version, units)
    do {
      let tested = try TestedHost(systemd.hierarchy(hierarchy), systemd, named: name)
      try await run(tested) { try await body($0, systemd) }
    } catch { Issue.record("\(error)") }
    await systemd.end()
  }

  private static var newName: String { "hft" + String(UInt32.random(in: 0 ... .max), radix: 36) }

  private static func run(_ tested: TestedHost, _ body: (TestedHost) async throws -> Void) async throws {
    do {
      try await tested.open()
      try await body(tested)
    } catch {
      Issue.record("\(error); events: \(await tested.events)")
    }
    await tested.clear()
  }

  private init(_ hierarchy: CgroupHierarchy, _ systemd: PrivateSystemd?, named name: String) throws {
    self.hierarchy = hierarchy
    self.systemd = systemd
    directory = "/tmp/\(name)"
    for path in [
      directory, directory + "/run", directory + "/data", directory + "/ocf", directory + "/ocf/resource.d",
      directory + "/ocf/resource.d/test"
    ] {
      try KernelFile.makeDirectory(path)
    }
    partition = try Partition("/" + name, layout: systemd != nil && hierarchy.version == .v2 ? .slices : .escaped)
    try KernelFile.makeDirectory("\(hierarchy.root)/\(partition.path(for: .freeze).split(separator: "/")[0])")
    for isolation in Isolation.allCases { try KernelFile.makeDirectory("\(hierarchy.root)/\(partition.path(for: isolation))") }
    place = HostPlace(
      cluster: "test", node: "n1", runDirectory: directory + "/run", partition: "/" + name, commonPartition: "/machine",
      mountNamespace: nil, agentRoot: directory + "/ocf", layout: partition.layout,
      systemd: systemd.map { SystemdPlace(process: Int($0.process), socket: $0.socket) } ?? SystemdPlace())
    host = try HostServices(place, hierarchy: hierarchy, logger: Self.logger)
  }

  private func open() async throws {
    let stream = host.events()
    reader = Task { for await event in stream { events.append(event) } }
    try await expect("the first event") { _ in true }
  }

  /// As when the daemon is restarted.
  func restart() async throws {
    await host.close()
    await reader?.value
    events = []
    host = try HostServices(place, hierarchy: hierarchy, logger: Self.logger)
    try await open()
  }

  private func clear() async {
    await host.close()
    for isolation in Isolation.allCases {
      let top = hierarchy.root + "/" + partition.path(for: isolation)
      _ = await eventually(.seconds(5)) { [hierarchy] in
        for pid in (try? CgroupProcesses(hierarchy: hierarchy).list(top)) ?? [] { kill(pid, SIGKILL) }
        return ((try? CgroupProcesses(hierarchy: hierarchy).list(top)) ?? []).isEmpty
      }
      for name in (try? KernelFile.directories(in: top)) ?? [] { PartsCgroup("\(top)/\(name)", in: hierarchy).remove() }
      rmdir(top)
    }
    rmdir("\(hierarchy.root)/\(partition.path(for: .freeze).split(separator: "/")[0])")
    umount2(directory + "/data", Int32(MNT_DETACH))
    try? FileManager.default.removeItem(atPath: directory)
  }

  // MARK: what it told

  @discardableResult
  func expect(
    _ what: String, within limit: Duration = .seconds(15), _ condition: @Sendable (HypervisorEvent) -> Bool
  ) async throws -> HypervisorEvent {
    let end = ContinuousClock.now + limit
    while true {
      if let found = events.first(where: condition) { return found }
      guard ContinuousClock.now < end else { throw Trouble(description: "expected \(what), saw \(events)") }
      try await Task.sleep(for: .milliseconds(10))
    }
  }

  func expectGone(_ end: DomainEnd, within limit: Duration = .seconds(15)) async throws {
    try await expect("its end, \(end)", within: limit) { if case .gone(Self.id, _, end) = $0 { true } else { false } }
  }

  // MARK: what it is asked for

  func start(_ parts: [HostPart], isolation: Isolation = .freeze, overBar: Bool = false) async -> OperationOutcome {
    await host.start(
      StartRequest(
        id: id, xml: HostDefinition(parts: parts).text, uuid: Self.uuid,
        mark: ClaimMark(cluster: "test", workload: "files", epoch: Epoch(3)),
        partition: "\(place.partition)/\(isolation.rawValue)", links: [],
        notAfter: BootClock.now + .seconds(10), overBar: overBar))
  }

  func stop(grace: Duration = .seconds(10)) async -> OperationOutcome { await host.stop(id, uuid: Self.uuid, grace: grace) }

  // MARK: what is there

  nonisolated var cgroup: PartsCgroup {
    let directory = try? PartsCgroup.directory(
      of: "files", in: hierarchy, below: "\(partition.name)/freeze", layout: partition.layout)
    return PartsCgroup(directory ?? "/", in: hierarchy)
  }
  nonisolated var processes: Set<pid_t> { (try? cgroup.processes()) ?? [] }
  nonisolated var isMounted: Bool { (try? MountTable.own().mounted(at: directory + "/data").isEmpty) == false }
  nonisolated var record: String { directory + "/run/host/files.json" }
  nonisolated func exists(_ name: String) -> Bool { access("\(directory)/\(name)", F_OK) == 0 }
  nonisolated func text(_ name: String) -> String {
    (try? String(contentsOfFile: "\(directory)/\(name)", encoding: .utf8)) ?? ""
  }

  // MARK: parts

  nonisolated func mount(stopTimeout: Double = 5) -> HostPart {
    HostPart(
      name: "data", kind: .mount(MountPart(what: "tmpfs", place: directory + "/data", type: "tmpfs", options: "size=1m")),
      startTimeout: 10,
      stopTimeout: stopTimeout, interval: 1)
  }

  /// - Parameters: lines that come first in its start and its stop.
  nonisolated func script(
    _ name: String = "server", start: String = "", stop: String = "", status: String = "", startTimeout: Double = 10
  ) throws -> HostPart {
    let pid = "\(directory)/\(name).pid"
    let kinds = [
      ("start", "\(start)\nenv >\(directory)/\(name).env\nsleep 1000 & echo $! >\(pid)\necho started"),
      ("stop", "\(stop)\nkill $(cat \(pid)) && rm \(pid)\nexit 0"),
      ("status", "\(status)\ntest -e \(pid) || exit 3\nkill -0 $(cat \(pid)) || exit 1")
    ]
    for (kind, body) in kinds { try write("\(name)-\(kind)", "#!/bin/sh\n\(body)\n") }
    func path(_ kind: String) -> [String] { ["\(directory)/\(name)-\(kind)"] }
    return HostPart(
      name: name, kind: .script(ScriptPart(start: path("start"), stop: path("stop"), status: path("status"))),
      startTimeout: startTimeout,
      stopTimeout: 5, interval: 1, statusTimeout: 3)
  }

  /// A resource agent as small as they come.
  nonisolated func agent() throws -> HostPart {
    try write(
      "ocf/resource.d/test/sleeper",
      """
      #!/bin/sh
      state="$OCF_RESKEY_state"
      case "$1" in
      start) sleep 1000 & echo $! >"$state"; echo "$OCF_ROOT $OCF_RESOURCE_INSTANCE $OCF_RESOURCE_PROVIDER $OCF_RESOURCE_TYPE" >"$state.env";;
      stop) test -e "$state" || exit 0; kill $(cat "$state"); rm "$state";;
      monitor) test -e "$state" || exit 7; kill -0 $(cat "$state") || exit 7;;
      *) exit 3;;
      esac
      exit 0

      """)
    return HostPart(
      name: "web", kind: .ocf(AgentPart(agent: "ocf:test:sleeper", params: ["state": directory + "/agent.state"])),
      startTimeout: 10,
      stopTimeout: 5, interval: 1, statusTimeout: 3)
  }

  private nonisolated func write(_ name: String, _ text: String) throws {
    let path = "\(directory)/\(name)"
    try Data(text.utf8).write(to: URL(filePath: path))
    chmod(path, 0o755)
  }
}

/// Waits until it is so.
func eventually(_ limit: Duration, _ condition: @Sendable () -> Bool) async -> Bool {
  let end = ContinuousClock.now + limit
  while !condition() {
    guard ContinuousClock.now < end else { return false }
    try? await Task.sleep(for: .milliseconds(10))
  }
  return true
}
