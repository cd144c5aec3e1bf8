import CLibvirt
import Foundation
import HoldfastModel
import Logging

extension LibvirtConnection {
  /// A stop that others may join.
  struct StopInProgress {
    /// When it turns from asking to destroying; the earliest that was asked for.
    var deadline: ContinuousClock.Instant
    var task: Task<OperationOutcome, Never>
  }

  func stop(_ name: String, uuid: String, grace: Duration) async -> OperationOutcome {
    let deadline = ContinuousClock.now + grace
    if let running = stops[uuid] {
      if deadline < running.deadline {
        stops[uuid]?.deadline = deadline
        wake(named: name)
      }
      return await running.task.value
    }
    let task = Task {
      let outcome = await stopOnce(name, uuid: uuid)
      stops[uuid] = nil
      return outcome
    }
    stops[uuid] = StopInProgress(deadline: deadline, task: task)
    return await task.value
  }

  private func stopOnce(_ name: String, uuid: String) async -> OperationOutcome {
    guard await lookNow(at: name) else {
      return .failed(
        reason: "\(name) was not asked to stop: libvirt (\(uri)) does not answer. See that libvirtd runs on this node")
    }
    guard holds(name, uuid) else { return await elsewhere(name, uuid) }
    if let ended = await askToShutDown(name, uuid) { return ended }
    while holds(name, uuid), let deadline = stops[uuid]?.deadline, ContinuousClock.now < deadline {
      await waitForNews(of: name, until: deadline)
      if !inventoryTold { return connectionLost(name) }
    }
    if !holds(name, uuid) { return .done }
    return await destroy(name, uuid)
  }

  /// Whether the domain was last seen there, or something of it.
  func holds(_ name: String, _ uuid: String) -> Bool { ledger.sighting(of: name).told?.run.uuid == uuid }

  private func connectionLost(_ name: String) -> OperationOutcome {
    .unknown(reason: "the connection to libvirt (\(uri)) was lost while \(name) was stopping")
  }

  /// Nothing of that name and UUID is there; it might run under another name.
  private func elsewhere(_ name: String, _ uuid: String) async -> OperationOutcome {
    do {
      let other = try await call { reader throws(LibvirtError) -> String? in
        guard let domain = try reader.connection.domain(uuid: uuid), domain.run != nil, domain.name != name else { return nil }
        return domain.name
      }
      guard let other else { return .done }
      return .failed(
        reason: "\(name) was not stopped: its UUID \(uuid) is that of the running domain \(other). Stop that one by its name")
    } catch {
      return .unknown(reason: "whether \(name) runs is not known: \(Words.of(error))")
    }
  }

  /// nil: it was asked, or cannot be; go on. Otherwise the stop ends with this.
  private func askToShutDown(_ name: String, _ uuid: String) async -> OperationOutcome? {
    guard let deadline = stops[uuid]?.deadline, ContinuousClock.now < deadline else { return nil }
    do {
      try await call { reader throws(LibvirtError) in
        guard let domain = try reader.connection.domain(uuid: uuid), domain.run != nil else { return }
        try reader.askToShutDown(domain)
      }
    } catch .notBegun(let reason) {
      return .failed(reason: "\(name) was not asked to stop: \(reason)")
    } catch .libvirt(let error) where error.lostConnection {
      return connectionLost(name)
    } catch .libvirt(let error) where !error.noSuchDomain {
      logger.warning(
        "cannot be asked to shut down, destroying it", metadata: ["domain": "\(name)", "reason": "\(error.message)"])
      stops[uuid]?.deadline = .now
    } catch {
      // It was asked, or it went by itself: what is seen decides.
    }
    return nil
  }

  private func destroy(_ name: String, _ uuid: String) async -> OperationOutcome {
    guard let run = ledger.sighting(of: name).told?.run else { return .done }
    do {
      try await call(limit: limits.lifecycle) { reader throws(LibvirtError) in
        let sighting = try reader.look(at: name, before: run)
        if sighting.told?.run.uuid == uuid { try reader.destroy(sighting) }
      }
    } catch .notBegun(let reason) {
      return .failed(reason: "\(name) was not destroyed: \(reason)")
    } catch {
      look(at: name)
      return .unknown(reason: "whether \(name) was destroyed is not known: \(Words.of(error))")
    }
    let end = ContinuousClock.now + limits.call
    await lookNow(at: name)
    while holds(name, uuid), ContinuousClock.now < end {
      await waitForNews(of: name, until: end)
      if !inventoryTold { return connectionLost(name) }
    }
    if !holds(name, uuid) { return .done }
    let place = run.cgroup.map { " in \($0)" } ?? ""
    return .unknown(
      reason: "libvirt destroyed \(name), but processes of it are left\(place). See whether they hang on a disk, or are frozen")
  }
}

extension DomainReader {
  /// Asks a domain to shut down in the way that its driver knows.
  fileprivate func askToShutDown(_ domain: DomainPointer) throws(LibvirtError) {
    switch hostFacts.driver.kind {
    case .lxc:
      // libvirt's own choice is initctl: it reports success, and where nobody listens nothing happens. systemd as a
      // container's init takes SIGTERM for an order to re-execute itself; SIGRTMIN+3 (libvirt passes the plain number on)
      // means power off.
      if hostFacts.sharesProcesses, let controller = domain.run, Self.initName(of: controller) == "systemd" {
        try domain.signalInit(34 + 3)
      } else {
        try domain.shutDown(VIR_DOMAIN_SHUTDOWN_SIGNAL)
      }
    case .qemu, .other:
      // QEMU: the guest agent where it is connected, else the power button.
      try domain.shutDown(VIR_DOMAIN_SHUTDOWN_DEFAULT)
    }
  }

  /// The name of the one child of a container's controller.
  private static func initName(of controller: Int32) -> String? {
    let children = try? String(contentsOfFile: "/proc/\(controller)/task/\(controller)/children", encoding: .utf8)
    guard let child = children?.split(separator: " ").first else { return nil }
    let name = try? String(contentsOfFile: "/proc/\(child)/comm", encoding: .utf8)
    return name?.trimmingCharacters(in: .newlines)
  }
}
