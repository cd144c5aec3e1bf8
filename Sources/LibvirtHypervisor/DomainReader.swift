import CLibvirt
import DomainXML
import Foundation
import HoldfastModel
import HoldfastTime
import LinuxBasics

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
  /// Between two readings of what a domain is made of.
  let rereading: Duration
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

  /// One of the domains that are to be looked at.
  struct Listed: Sendable {
    var name: String
    var uuid: String
    /// nil: libvirt knows it, and says that it is not active.
    var number: Int32?
  }

  /// The active domains, those that libvirt lost, those that it says are shut off while a run of them is left, and what is left of those in `before` that are neither.
  func list(before: [String: Run]) throws(LibvirtError) -> (listed: [Listed], leftovers: [String: Sighting]) {
    var listed = try connection.activeDomains().map { Listed(name: $0.name, uuid: $0.uuid, number: $0.run) }
    var names = Set(listed.map(\.name))
    if losesDomains {
      for domain in try connection.lostDomains() where names.insert(domain.name).inserted {
        listed.append(Listed(name: domain.name, uuid: domain.uuid, number: nil))
      }
      for domain in try definitionsWithRuns(beside: listed, before) where names.insert(domain.name).inserted {
        listed.append(Listed(name: domain.name, uuid: domain.uuid, number: nil))
      }
    }
    var leftovers: [String: Sighting] = [:]
    for (name, run) in before where !names.contains(name) { leftovers[name] = withoutActive(name, run) }
    return (listed, leftovers)
  }

  private func sighting(of domain: DomainPointer, before: Run?) throws(LibvirtError) -> Sighting {
    let name = domain.name
    do throws(LibvirtError) {
      guard let number = domain.run else { return try inactive(domain, before) }
      let (state, reason) = try domain.state()
      // It ended between the two calls.
      if state == VIR_DOMAIN_SHUTOFF { return try inactive(domain, before) }
      let uuid = domain.uuid
      var run: Run
      if let before, !before.isStale, before.uuid == uuid, before.number == number,
        before.process != nil || !hostFacts.sharesProcesses
      {
        run = before
        try readAgain(domain, &run)
      } else {
        run = try read(domain, uuid: uuid, number: number)
      }
      let observed = try self.state(of: domain, state, reason, run)
      return .active(observation(name, run, observed.state, observed.reason, persistent: try domain.isPersistent()), run)
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
    return .leftover(observation(name, before, .unclear, .processesLeft, persistent: false), before)
  }

  /// libvirt knows a domain of that name, and says that it is not active.
  private func inactive(_ domain: DomainPointer, _ before: Run?) throws(LibvirtError) -> Sighting {
    let sighting = withoutActive(domain.name, before)
    guard case .absent = sighting, losesDomains else { return sighting }
    // It may have been on its way up.
    if let now = try connection.domain(named: domain.name), now.run != nil { return try self.sighting(of: now, before: before) }
    return try orphan(of: domain)
  }

  private func observation(
    _ name: String, _ run: Run, _ state: DomainObservation.State, _ reason: DomainObservation.Reason?, persistent: Bool
  ) -> DomainObservation {
    var observation = DomainObservation(
      id: DomainID(connection: hostFacts.uri, name: name), uuid: run.uuid, state: state, reason: reason, mark: run.mark,
      memory: run.memory, vcpus: run.vcpus, persistent: persistent, pid: run.process?.pid, cgroup: run.cgroup,
      links: run.links, flaw: run.flaw)
    observation.frozenNetwork = run.frozenNetwork
    observation.hardware = run.hardware
    observation.snapshots = run.snapshots
    return observation
  }

  /// Not every change is told. One text is compared with the other; it is seldom parsed.
  private func readAgain(_ domain: DomainPointer, _ run: inout Run) throws(LibvirtError) {
    guard let last = run.reading, BootClock.now - last.at >= hostFacts.rereading else { return }
    run.snapshots = snapshots(of: domain)
    let text = try domain.xml(), fingerprint = text.fingerprint
    defer { run.reading = (fingerprint, BootClock.now) }
    // What cannot be read now was readable before, or has its flaw already: the next change that is told brings a whole reading.
    guard fingerprint != last.text, let xml = try? DomainDocument(text) else { return }
    run.read(xml)
    if hostFacts.driver.kind == .lxc { run.frozenNetwork = Interfaces.frozenNetwork(in: text) }
  }

  private func read(_ domain: DomainPointer, uuid: String, number: Int32) throws(LibvirtError) -> Run {
    let text = try domain.xml()
    var run: Run
    do throws(DomainDocumentError) {
      run = Run(uuid: uuid, number: number, xml: try DomainDocument(text))
    } catch {
      run = try unreadable(domain, uuid: uuid, number: number, error)
    }
    if hostFacts.driver.kind == .lxc { run.frozenNetwork = Interfaces.frozenNetwork(in: text) }
    run.snapshots = snapshots(of: domain)
    run.reading = (text.fingerprint, BootClock.now)
    findProcess(of: domain.name, &run)
    return run
  }

  /// A domain is as well known without them.
  private func snapshots(of domain: DomainPointer) -> Int? {
    guard hostFacts.driver.kind == .qemu, let count = try? domain.snapshotCount(), count > 0 else { return nil }
    return count
  }

  /// What libvirt tells besides of a domain whose XML our reader refuses: it is one domain that cannot be read.
  private func unreadable(
    _ domain: DomainPointer, uuid: String, number: Int32, _ error: DomainDocumentError
  ) throws(LibvirtError) -> Run {
    var run = Run(uuid: uuid, number: number)
    run.isStale = false
    run.flaw = error.description
    run.mark = try domain.claim(VIR_DOMAIN_AFFECT_LIVE)
    (run.memory, run.vcpus) = try domain.size()
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
      guard let number = qemuProcess(of: name) else { return }
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

  /// The PID that libvirtd has written down of a machine; nil: none.
  func qemuProcess(of name: String) -> Int32? {
    let file = "\(hostFacts.driver.runtimeDirectory)/qemu/\(name).pid"
    guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { return nil }
    return Int32(text.trimmingCharacters(in: .whitespacesAndNewlines))
  }

  /// libvirt can say of a container that it is shut off although what it started runs on: its controller died while libvirtd was down. One that was defined
  /// persistently meanwhile looks like any other definition then.
  private var losesDomains: Bool { hostFacts.driver.kind == .lxc && hostFacts.sharesProcesses }

  /// The shut-off definitions of which a run is left. What libvirt defines is listed only when there is a container's cgroup with processes in it that
  /// belongs to nothing listed already.
  private func definitionsWithRuns(beside listed: [Listed], _ before: [String: Run]) throws(LibvirtError) -> [DomainPointer] {
    guard let cgroups = hostFacts.cgroups else { return [] }
    let known = Set(listed.compactMap { before[$0.name]?.cgroup }), uuids = Set(listed.map(\.uuid))
    let runs = cgroups.containers(root: hostFacts.cgroupRoot).filter { directory in
      !known.contains(directory) && cgroups.processes(in: directory)?.isEmpty != true
        && cgroups.belongs(directory, to: uuids) != true
    }
    guard !runs.isEmpty else { return [] }
    return try connection.shutOffDefinitions().filter { domain in
      let (name, uuid) = (domain.name, domain.uuid)
      return runs.contains { DomainCgroups.isRun(of: name, $0) && !cgroups.isAnothers($0, than: uuid) }
    }
  }

  /// What such a container has left.
  private func orphan(of domain: DomainPointer) throws(LibvirtError) -> Sighting {
    let text = try domain.xml()
    let uuid = domain.uuid
    guard let directory = leftover(of: domain.name, uuid: uuid, partitions: DomainOutline.partitions(named: text)) else {
      return .absent
    }
    var run: Run
    do throws(DomainDocumentError) {
      run = Run(uuid: uuid, number: -1, xml: try DomainDocument(text))
    } catch {
      run = Run(uuid: uuid, number: -1)
      run.flaw = error.description
      run.mark = try domain.claim(VIR_DOMAIN_AFFECT_CURRENT)
    }
    run.lostProcess = true
    run.cgroup = directory
    return .leftover(observation(domain.name, run, .unclear, .processesLeft, persistent: false), run)
  }

  /// The cgroup directory of a former run of a container in which processes are left, or in which that cannot be told.
  ///
  /// - Parameter partitions: those that the container's XML names, searched besides all that are found.
  func leftover(of name: String, uuid: String, partitions: [String]) -> String? {
    guard losesDomains, let cgroups = hostFacts.cgroups else { return nil }
    return cgroups.directories(ofContainer: name, partitions: partitions, root: hostFacts.cgroupRoot).first { directory in
      cgroups.processes(in: directory)?.isEmpty != true && !cgroups.isAnothers(directory, than: uuid)
    }
  }

  static func arguments(of pid: Int32) -> [String] {
    let data = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") ?? Data()
    return data.split(separator: 0, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
  }

  private func state(
    of domain: DomainPointer, _ state: virDomainState, _ reason: Int32, _ run: Run
  ) throws(LibvirtError) -> Observed {
    // libvirt has not noticed yet, or never will.
    if run.hasEnded { return (.stopping, .processEnded) }
    switch state {
    case VIR_DOMAIN_RUNNING, VIR_DOMAIN_BLOCKED: return (.running, nil)
    case VIR_DOMAIN_PAUSED: return try pausedState(of: domain, reason: reason, run)
    case VIR_DOMAIN_PMSUSPENDED: return (.paused, .powerManagement)
    case VIR_DOMAIN_SHUTDOWN: return (.stopping, .shuttingDown)
    // Before libvirt carries out what else its definition says (a dump, a restart), it is in that state as well.
    case VIR_DOMAIN_CRASHED: return (run.staysCrashed ? .crashed : .unclear, .crashed)
    default: return (.unclear, nil)
    }
  }
}
