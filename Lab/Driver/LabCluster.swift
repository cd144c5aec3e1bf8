import Foundation
import HoldfastTime

/// A lab: several hosts on this machine, driven through the script `Lab/lab`.
///
/// Its functions return when the thing is done. Those that hurt a host return the instant from which the fault holds.
public struct LabCluster: Sendable {
  /// The script.
  public let script: String
  /// The state folder.
  public let state: String
  private let environment: [String: String]

  /// A lab whose state is in `state`; nil: where `LAB` says, or the script's default.
  ///
  /// `environment` is added to the script's: `LAB_NAME`, `LAB_NET`, `HOLDFAST_BIN` and `LAB_PATIENCE`, see the README.
  /// Throws `LabError.noScript` outside of the repository.
  public init(state: String? = nil, environment: [String: String] = [:]) throws(LabError) {
    self.state = state ?? ProcessInfo.processInfo.environment["LAB"] ?? "/var/tmp/holdfast-lab"
    self.environment = environment.merging(["LAB": self.state]) { $1 }
    script = try LabCluster.locate()
  }

  private static func locate() throws(LabError) -> String {
    let start = URL(fileURLWithPath: FileManager.default.currentDirectoryPath)
    var folder = start
    while true {
      let candidate = folder.appendingPathComponent("Lab/lab").path
      if FileManager.default.isExecutableFile(atPath: candidate) { return candidate }
      if folder.path == "/" { throw .noScript(lookedFrom: start.path) }
      folder.deleteLastPathComponent()
    }
  }
}

// MARK: The lab as a whole

extension LabCluster {
  /// Starts the lab; returns how long that took.
  @discardableResult
  public func up(hosts: Int = 3, holdfast: Bool = true) async throws(LabError) -> Duration {
    let started = LabClock.now
    try await call(["up", "--hosts", "\(hosts)"] + (holdfast ? [] : ["--without", "holdfast"]), limit: .seconds(120))
    return LabClock.now - started
  }

  /// Ends the lab and removes all that is left of it; harmless when there is none.
  public func down(keepLogs: Bool = false) async throws(LabError) {
    try await call(["down"] + (keepLogs ? ["--keep-logs"] : []))
  }

  /// The table that `lab status` prints.
  public func status() async throws(LabError) -> String { try await call(["status"]) }

  /// The host with etcd's leader.
  public func leader() async throws(LabError) -> LabHost {
    let answer = try await call(["leader"])
    guard let host = LabHost(name: answer) else { throw .unexpectedAnswer(command: "lab leader", answer: answer) }
    return host
  }

  /// Runs a command in a host; a command that fails is an answer, not an error.
  public func run(_ host: LabHost, _ command: [String], limit: Duration = .seconds(30)) async throws(LabError) -> CommandResult
  {
    try await script(["run", "\(host)"] + command, limit: limit)
  }
}

// MARK: Faults

extension LabCluster {
  /// Ends the host's services in order, then its power; returns when that began.
  @discardableResult
  public func shutdown(_ host: LabHost) async throws(LabError) -> BootInstant {
    try await since(["shutdown", "\(host)"], limit: .seconds(120))
  }

  /// Power off.
  @discardableResult
  public func kill(_ host: LabHost) async throws(LabError) -> BootInstant { try await since(["kill", "\(host)"]) }

  /// Power on; returns when its services answer (etcd may still be catching up).
  @discardableResult
  public func boot(_ host: LabHost) async throws(LabError) -> BootInstant {
    try await since(["boot", "\(host)"], limit: .seconds(60))
  }

  /// Pauses every process of the host.
  @discardableResult
  public func freeze(_ host: LabHost) async throws(LabError) -> BootInstant { try await since(["freeze", "\(host)"]) }

  @discardableResult
  public func thaw(_ host: LabHost) async throws(LabError) -> BootInstant { try await since(["thaw", "\(host)"]) }

  /// Loses the host's frames at the switch.
  @discardableResult
  public func cut(_ host: LabHost, _ cut: LabCut = .both) async throws(LabError) -> BootInstant {
    try await since(["cut", "\(host)"] + cut.arguments)
  }

  /// Ends all cuts of the host.
  @discardableResult
  public func heal(_ host: LabHost) async throws(LabError) -> BootInstant { try await since(["heal", "\(host)"]) }

  public func service(_ host: LabHost, _ service: LabService, _ action: LabServiceAction) async throws(LabError) {
    try await call(["service", "\(host)", service.rawValue, action.rawValue], limit: .seconds(90))
  }

  /// The service's PID in its host; nil when it does not run.
  public func servicePID(_ host: LabHost, _ service: LabService) async throws(LabError) -> Int32? {
    let result = try await script(["service", "\(host)", service.rawValue, "pid"])
    return Int32(result.output.trimmingCharacters(in: .whitespacesAndNewlines))
  }
}

// MARK: Containers

extension LabCluster {
  /// Writes the XML and the specs of the containers web1, web2, … and the machines vm1, vm2, …; returns the path of the specs' file.
  ///
  /// The first machine ever on this computer has its kernel fetched from Debian.
  ///
  /// - Parameter beat: from one line in a container's trace to the next; nil: 10 ms.
  @discardableResult
  public func workloads(
    count: Int = 9, memory: Int = 32, isolation: String = "freeze", machines: Int = 0, beat: Duration? = nil
  ) async throws(LabError) -> String {
    try await call(
      [
        "workloads", "--count", "\(count)", "--memory", "\(memory)", "--isolation", isolation, "--machines", "\(machines)"
      ] + (beat.map { ["--beat", "\(Int($0.inSeconds * 1000))"] } ?? []), limit: .seconds(machines > 0 ? 120 : 30))
    return "\(workloadsFolder)/workloads.yaml"
  }

  /// The specs that `workloads` wrote, each as `changed` makes it, in a file beside them; its path.
  ///
  /// - Parameter changed: it is given a workload's name, and its spec from the name on.
  @discardableResult
  public func writeSpecs(to file: String, _ changed: (_ name: String, _ spec: String) -> String) throws(LabError) -> String {
    let separator = "  - name: ", path = "\(workloadsFolder)/\(file)"
    let parts = try text(of: "\(workloadsFolder)/workloads.yaml").components(separatedBy: separator)
    let specs = parts.dropFirst().map { changed(String($0.prefix { $0 != "\n" }), $0) }
    do {
      try (parts.prefix(1) + specs).joined(separator: separator).write(toFile: path, atomically: true, encoding: .utf8)
    } catch {
      throw .unreadable(path: path, reason: error.localizedDescription)
    }
    return path
  }

  /// Starts `unmanaged-hN` on each host by plain virsh.
  public func unmanaged() async throws(LabError) { try await call(["unmanaged"], limit: .seconds(60)) }

  /// Where the specs and each workload's XML are, the same in every host.
  public var workloadsFolder: String { "\(state)/shared/workloads" }
  /// Where the unmanaged containers' XML is.
  public var unmanagedFolder: String { "\(state)/shared/unmanaged" }
  /// Where the containers write their traces (`BeatLog`).
  public var beatsFolder: String { "\(state)/shared/beats" }

  /// The containers' addresses by their names: the workloads', and the unmanaged ones' if they were started.
  public func addresses() throws(LabError) -> [String: String] {
    var found: [String: String] = [:]
    for folder in [workloadsFolder, unmanagedFolder] where FileManager.default.fileExists(atPath: "\(folder)/addresses") {
      for line in try text(of: "\(folder)/addresses").split(separator: "\n") {
        let words = line.split(separator: " ").map(String.init)
        guard words.count == 2 else { throw .unreadable(path: "\(folder)/addresses", reason: "the line '\(line)'") }
        found[words[0]] = words[1]
      }
    }
    return found
  }

  /// The network namespace from which a probe reaches every container.
  public func switchNamespace() throws(LabError) -> String {
    let pid = try text(of: "\(state)/switch.pid").trimmingCharacters(in: .whitespacesAndNewlines)
    guard Int32(pid) != nil else { throw .unreadable(path: "\(state)/switch.pid", reason: "'\(pid)' is no PID") }
    return "/proc/\(pid)/ns/net"
  }

  private func text(of path: String) throws(LabError) -> String {
    do {
      return try String(contentsOfFile: path, encoding: .utf8)
    } catch {
      throw .unreadable(path: path, reason: error.localizedDescription)
    }
  }
}

// MARK: A client

extension LabCluster {
  /// Starts a machine beside the hosts, on the switch, with the settings of any machine; returns the path of its network namespace, for a probe.
  public func client() async throws(LabError) -> String { try await call(["client"]) }

  /// From now on the client pings an address, every 20 ms.
  public func ping(_ address: String) async throws(LabError) {
    let command = "setsid ping -n -D -i 0.02 \(address) >\(pings(address)) 2>&1 </dev/null &"
    try await call(["in-client", "sh", "-c", command])
  }

  /// When an address has answered up to now that is pinged.
  public func pingTrace(of address: String) throws(LabError) -> PingTrace { PingTrace(try text(of: pings(address))) }

  private func pings(_ address: String) -> String { "\(state)/shared/pings-\(address)" }

  /// From now on the switch writes down who speaks as one of these IPv4 addresses.
  public func capture(_ addresses: [String]) async throws(LabError) { try await call(["capture"] + addresses) }

  /// What it has written down up to now.
  public func addressTrace() throws(LabError) -> AddressTrace { AddressTrace(try text(of: "\(state)/shared/frames")) }
}

// MARK: Calling the script

extension LabCluster {
  private func script(_ arguments: [String], limit: Duration = .seconds(30)) async throws(LabError) -> CommandResult {
    try await Lab.run(script, arguments, environment: environment, limit: limit)
  }

  /// Its output, without the newline at the end; an exit code that is not 0 is an error.
  @discardableResult
  private func call(_ arguments: [String], limit: Duration = .seconds(30)) async throws(LabError) -> String {
    let result = try await script(arguments, limit: limit)
    let output = result.output.trimmingCharacters(in: .newlines)
    guard result.succeeded else {
      throw .failed(
        command: (["lab"] + arguments).joined(separator: " "),
        status: result.status.map { "exit \($0)" } ?? "ended by a signal",
        output: (output + "\n" + result.errors).trimmingCharacters(in: .whitespacesAndNewlines))
    }
    return output
  }

  private func since(_ arguments: [String], limit: Duration = .seconds(30)) async throws(LabError) -> BootInstant {
    let answer = try await call(arguments, limit: limit)
    guard let stamp = answer.split(separator: " ").last, let instant = LabClock.instant(wallClock: stamp) else {
      throw .unexpectedAnswer(command: (["lab"] + arguments).joined(separator: " "), answer: answer)
    }
    return instant
  }
}
