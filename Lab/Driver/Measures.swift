import Foundation
import HoldfastOperator
import HoldfastTime

/// What benchmarks and tests measure of a lab.
extension LabCluster {
  /// Every host of the lab as it was brought up.
  public var allHosts: [LabHost] { (1...hostCount).map(LabHost.init) }
  public var hosts: [String] { allHosts.map(\.description) }

  private var hostCount: Int {
    let text = (try? String(contentsOfFile: "\(state)/lab.conf", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("HOSTS=") }
    return line.flatMap { Int($0.dropFirst("HOSTS=".count)) } ?? 3
  }

  /// What `virsh create` of a container like the lab's takes on a host; the container is destroyed again.
  public func bareStart(on host: LabHost) async throws(LabError) -> Duration { try await bareTimes(on: host).start }

  /// What `virsh destroy` of such a container takes.
  public func bareStop(on host: LabHost) async throws(LabError) -> Duration { try await bareTimes(on: host).stop }

  /// Both, for a container like one of those in the workloads' folder. One that shares its host's network is not to run there itself.
  public func bareTimes(
    on host: LabHost, like model: String = "web1"
  ) async throws(LabError) -> (start: Duration, stop: Duration) {
    let name = "bare-\(host)"
    let path = "\(state)/shared/\(name).xml"
    do {
      let xml = try String(contentsOfFile: "\(workloadsFolder)/\(model).xml", encoding: .utf8)
      let own = xml.split(separator: "\n", omittingEmptySubsequences: false).filter {
        !$0.contains("<uuid>") && !$0.contains("<ip ")
      }
      .joined(separator: "\n").replacingOccurrences(of: "<name>\(model)</name>", with: "<name>\(name)</name>")
      .replacingOccurrences(of: "mac address='52:54:00:01", with: "mac address='52:54:00:0b")
      try own.write(toFile: path, atomically: true, encoding: .utf8)
    } catch {
      throw .unreadable(path: path, reason: error.localizedDescription)
    }
    let began = LabClock.now
    let created = try await run(host, ["virsh", "-q", "-c", "lxc:///system", "create", path])
    let started = LabClock.now
    _ = try await run(host, ["virsh", "-q", "-c", "lxc:///system", "destroy", name])
    let stopped = LabClock.now
    guard created.succeeded else {
      throw .failed(command: "virsh create \(path)", status: "failed", output: created.output + created.errors)
    }
    return (started - began, stopped - started)
  }

  /// Makes a host's etcd member the leader.
  public func moveLeader(to host: LabHost) async throws(LabError) {
    let present = try await leader()
    guard present != host else { return }
    let tls = "/etc/holdfast/tls"
    let script = """
      export ETCDCTL_API=3 ETCDCTL_CACERT=\(tls)/ca.pem ETCDCTL_CERT=\(tls)/client.pem ETCDCTL_KEY=\(tls)/client-key.pem
      id=$(etcdctl --endpoints https://\(address(of: present)):2379 member list | awk -F', ' '$3 == "\(host)" { print $1 }')
      etcdctl --endpoints https://\(address(of: present)):2379 move-leader "$id"
      """
    let result = try await run(host, ["bash", "-c", script])
    guard result.succeeded else {
      throw .failed(command: "etcdctl move-leader", status: "failed", output: result.output + result.errors)
    }
  }

  private func address(of host: LabHost) -> String {
    let text = (try? String(contentsOfFile: "\(state)/lab.conf", encoding: .utf8)) ?? ""
    let net = text.split(separator: "\n").first { $0.hasPrefix("LAB_NET=") }?.dropFirst("LAB_NET=".count) ?? "10.77.0.0/16"
    return net.split(separator: ".").prefix(2).joined(separator: ".") + ".0.\(host.number)"
  }

  /// Waits until so many workloads run on one host.
  public func until(
    _ count: Int, runOn host: LabHost, limit: Duration, askedOn asked: LabHost = LabHost(1)
  ) async throws(LabError) {
    let end = LabClock.now + limit
    var running: Int?
    while true {
      // A host that is busy with all of them may be late with its answer once.
      let list = try? await workloadList(on: asked)
      running = list?.count { $0.node == "\(host)" && $0.state == .running } ?? running
      if list != nil, running == count { return }
      guard LabClock.now < end else {
        throw .failed(
          command: "holdfast workloads",
          status: "\(running.map { "\($0) of \(count) run" } ?? "nobody tells what runs") on \(host) after \(seconds(limit)) s",
          output: "")
      }
      // A question costs as much as a start.
      try? await Task.sleep(for: .milliseconds(500))
    }
  }

  /// Processor time that a service has spent, in seconds.
  public func cpuSeconds(of service: LabService, on host: LabHost) async throws(LabError) -> Double {
    let text = try await process(service, on: host, file: "stat")
    // After the command's name, which may contain spaces: proc(5), fields 14 and 15, in ticks of 10 ms.
    let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
    guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else {
      throw .unexpectedAnswer(command: "/proc/PID/stat", answer: text)
    }
    return (user + system) / 100
  }

  /// TCP connections that the networks of a host's containers have taken since they began, all together: so often were the containers asked.
  public func connectionsTaken(on host: LabHost) async throws(LabError) -> Int {
    // The counters are those of the network that the process is in, and the first process of every container is the lab's own.
    let script = #"""
      files=$(pgrep -x -f /sbin/init | sed 's|.*|/proc/&/net/snmp|')
      awk '/^Tcp: [0-9]/ { taken += $7 } END { print taken + 0 }' $files </dev/null
      """#
    let text = try await run(host, ["sh", "-c", script]).output
    guard let taken = Int(text.filter { !$0.isWhitespace }) else {
      throw .unexpectedAnswer(command: "/proc/PID/net/snmp", answer: text)
    }
    return taken
  }

  /// Resident memory of a service.
  public func residentMiB(of service: LabService, on host: LabHost) async throws(LabError) -> Double {
    let text = try await process(service, on: host, file: "status")
    guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") }),
      let kilobytes = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).compactMap({ Double($0) }).first
    else { throw .unexpectedAnswer(command: "/proc/PID/status", answer: text) }
    return kilobytes / 1024
  }

  /// What the threads of a service have spent since they began. Exact for a service whose threads never end, such as the guard.
  public struct Spent: Equatable, Sendable {
    /// Processor time in seconds, to the nanosecond where ticks of 10 ms would show an idle process as nothing.
    public var cpuSeconds: Double
    /// How often a thread gave the processor up by itself: each time it was woken before.
    public var wakeUps: Int

    /// - Parameter text: /proc/PID/task/*/status and /proc/PID/task/*/sched, one after the other. nil when it lacks either.
    public init?(_ text: String) {
      var runtimes: [Double] = [], switches: [Int] = []
      for line in text.split(separator: "\n") {
        let words = line.split { $0 == " " || $0 == "\t" || $0 == ":" }
        guard let key = words.first, let value = words.last else { continue }
        if key == "se.sum_exec_runtime", let milliseconds = Double(value) { runtimes.append(milliseconds) }
        if key == "voluntary_ctxt_switches", let count = Int(value) { switches.append(count) }
      }
      guard !runtimes.isEmpty, runtimes.count == switches.count else { return nil }
      cpuSeconds = runtimes.reduce(0, +) / 1000
      wakeUps = switches.reduce(0, +)
    }
  }

  /// What a service's threads have spent.
  public func spent(by service: LabService, on host: LabHost) async throws(LabError) -> Spent {
    guard let pid = try await servicePID(host, service) else {
      throw .failed(command: "lab service \(host) \(service.rawValue) pid", status: "does not run", output: "")
    }
    let files = "cat /proc/\(pid)/task/*/status /proc/\(pid)/task/*/sched"
    let text = try await run(host, ["sh", "-c", files]).output
    guard let spent = Spent(text) else { throw .unexpectedAnswer(command: files, answer: "\(text.prefix(200))") }
    return spent
  }

  private func process(_ service: LabService, on host: LabHost, file: String) async throws(LabError) -> String {
    guard let pid = try await servicePID(host, service) else {
      throw .failed(command: "lab service \(host) \(service.rawValue) pid", status: "does not run", output: "")
    }
    return try await run(host, ["cat", "/proc/\(pid)/\(file)"]).output
  }
}
