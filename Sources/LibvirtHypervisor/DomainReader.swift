import CLibvirt
import DomainXML
import Foundation
import HoldfastModel

/// What is known of a libvirtd while it can be reached.
struct HostFacts: Sendable {
  let uri: String
  let driver: Driver
  /// libvirtd's PIDs are ours.
  let sharesProcesses: Bool
  let cgroups: DomainCgroups?
  /// Where libvirtd's cgroups begin in our hierarchy: it may live in a cgroup namespace.
  let cgroupRoot: String
  let watch: ProcessWatch
  /// Called when a domain's process ends.
  let ended: @Sendable (_ name: String) -> Void
}

/// Looks at domains over one connection. Everything here blocks and belongs on a call thread.
struct DomainReader {
  let connection: ConnectionHandle
  let hostFacts: HostFacts

  /// Looks at one domain.
  ///
  /// - Parameter before: what was last known of a domain of that name.
  func look(at name: String, before: Run?) throws(LibvirtError) -> Sighting {
    guard let domain = try connection.domain(named: name) else { return withoutActive(name, before) }
    return try sighting(of: domain, before: before)
  }

  /// Looks at every active domain, and at those in `before`.
  func lookAtAll(before: [String: Run]) throws(LibvirtError) -> [String: Sighting] {
    var found: [String: Sighting] = [:]
    for domain in try connection.activeDomains() {
      let name = domain.name
      found[name] = try sighting(of: domain, before: before[name])
    }
    for (name, run) in before where found[name] == nil { found[name] = withoutActive(name, run) }
    if hostFacts.driver.kind == .lxc, hostFacts.sharesProcesses {
      for domain in try connection.lostDomains() where found[domain.name]?.told == nil {
        found[domain.name] = try orphan(of: domain)
      }
    }
    return found
  }

  private func sighting(of domain: DomainPointer, before: Run?) throws(LibvirtError) -> Sighting {
    let name = domain.name
    do throws(LibvirtError) {
      guard let number = domain.run else { return withoutActive(name, before) }
      let (state, reason) = try domain.state()
      // It ended between the two calls.
      if state == VIR_DOMAIN_SHUTOFF { return withoutActive(name, before) }
      let uuid = domain.uuid
      var run: Run
      if let before, !before.isStale, before.uuid == uuid, before.number == number,
        before.process != nil || !hostFacts.sharesProcesses
      {
        run = before
      } else {
        run = try read(domain, uuid: uuid, number: number)
      }
      let observed = try self.state(of: domain, state, reason, run)
      return .active(observation(name, run, observed, persistent: try domain.isPersistent()), run)
    } catch {
      if error.noSuchDomain { return withoutActive(name, before) }
      throw error
    }
  }

  /// libvirt has nothing active of that name: gone when nothing of what was known is left.
  private func withoutActive(_ name: String, _ before: Run?) -> Sighting {
    guard let before else { return .absent }
    let isEmpty = before.cgroup.map { hostFacts.cgroups?.processes(in: $0)?.isEmpty == true } ?? true
    if before.process?.isAlive != true, isEmpty { return .absent }
    return .leftover(observation(name, before, .unclear, persistent: false), before)
  }

  private func observation(_ name: String, _ run: Run, _ state: DomainObservation.State, persistent: Bool) -> DomainObservation
  {
    var observation = DomainObservation(
      id: DomainID(connection: hostFacts.uri, name: name), uuid: run.uuid, state: state, mark: run.mark, memory: run.memory,
      vcpus: run.vcpus, persistent: persistent, pid: run.process?.pid, cgroup: run.cgroup, links: run.links)
    observation.frozenNetwork = run.frozenNetwork
    return observation
  }

  private func read(_ domain: DomainPointer, uuid: String, number: Int32) throws(LibvirtError) -> Run {
    let text = try domain.xml()
    let xml: DomainDocument
    do throws(DomainDocumentError) {
      xml = try DomainDocument(text)
    } catch {
      throw LibvirtError(code: Int32(VIR_ERR_XML_ERROR.rawValue), source: 0, message: error.description)
    }
    var run = Run(uuid: uuid, number: number, xml: xml)
    if hostFacts.driver.kind == .lxc { run.frozenNetwork = Interfaces.frozenNetwork(in: text) }
    findProcess(of: domain.name, &run)
    return run
  }

  private func findProcess(of name: String, _ run: inout Run) {
    guard hostFacts.sharesProcesses else { return }
    let pid: Int32
    let argument: [String]
    switch hostFacts.driver.kind {
    case .lxc: (pid, argument) = (run.number, ["--name", name])
    case .qemu:
      // Missing while qemu starts: the next event brings another look.
      let file = "\(hostFacts.driver.runtimeDirectory)/qemu/\(name).pid"
      guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { return }
      guard let number = Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)) else { return }
      (pid, argument) = (number, ["-uuid", run.uuid])
    case .other: return
    }
    let ended = hostFacts.ended
    let process: WatchedProcess
    switch hostFacts.watch.watch(pid, ended: { ended(name) }) {
    case .watched(let found): process = found
    case .none:
      run.lostProcess = true
      return
    case .refused: return
    }
    // The PID may be somebody else's by now. A process that has ended has no arguments any more.
    let arguments = Self.arguments(of: pid)
    guard process.isAlive else {
      run.lostProcess = true
      return
    }
    guard zip(arguments, arguments.dropFirst()).contains(where: { [$0, $1] == argument }) else { return }
    run.process = process
    run.cgroup = (try? String(contentsOfFile: "/proc/\(pid)/cgroup", encoding: .utf8)).flatMap {
      hostFacts.cgroups?.directory(procfs: $0)
    }
  }

  /// A container whose controller died while libvirtd was down: libvirt says shut off, but what it started may run on.
  private func orphan(of domain: DomainPointer) throws(LibvirtError) -> Sighting {
    guard let xml = try? DomainDocument(try domain.xml()), let partition = xml.partition else { return .absent }
    guard let cgroups = hostFacts.cgroups else { return .absent }
    for directory in cgroups.directories(ofContainer: domain.name, partition: partition, root: hostFacts.cgroupRoot)
    where cgroups.processes(in: directory)?.isEmpty != true {
      var run = Run(uuid: domain.uuid, number: -1, xml: xml)
      run.lostProcess = true
      run.cgroup = directory
      return .leftover(observation(domain.name, run, .unclear, persistent: false), run)
    }
    return .absent
  }

  static func arguments(of pid: Int32) -> [String] {
    let data = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") ?? Data()
    return data.split(separator: 0, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
  }

  private func state(
    of domain: DomainPointer, _ state: virDomainState, _ reason: Int32, _ run: Run
  ) throws(LibvirtError) -> DomainObservation.State {
    // libvirt has not noticed yet, or never will.
    if run.hasEnded { return .stopping }
    switch state {
    case VIR_DOMAIN_RUNNING, VIR_DOMAIN_BLOCKED: return .running
    case VIR_DOMAIN_PAUSED: return try pausedState(of: domain, reason: reason, run)
    case VIR_DOMAIN_PMSUSPENDED: return .paused
    case VIR_DOMAIN_SHUTDOWN: return .stopping
    default: return .unclear
    }
  }
}
