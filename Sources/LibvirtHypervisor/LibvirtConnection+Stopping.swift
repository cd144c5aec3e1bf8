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
    /// A machine's guest agent does not take the order to shut down.
    var agentRefuses = false
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
    let disks = ledger.sighting(of: name).told?.observation.hardware?.disks
    let wasSeen = await lookNow(at: name, readsAnew: true)
    if let disks, let now = ledger.sighting(of: name).told?.observation.hardware?.disks, disks != now {
      // After a snapshot its definition names the older disk: whether it may be stopped, to be started again, hangs on that.
      return .failed(
        reason: "\(name) was not stopped: it has other disks than when it was last looked at, and what follows is decided first"
      )
    }
    // What cannot be looked at can be ended all the same.
    guard wasSeen || inventoryTold && holds(name, uuid) else {
      return .failed(
        reason: "\(name) was not asked to stop: libvirt (\(uri)) does not answer. Check that libvirtd runs on this node")
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

  func connectionLost(_ name: String) -> OperationOutcome {
    .unknown(reason: "the connection to libvirt (\(uri)) was lost while \(name) was stopping")
  }

  /// Nothing of that name and UUID is there; it might run under another name.
  private func elsewhere(_ name: String, _ uuid: String) async -> OperationOutcome {
    do {
      let other = try await ask(Question(kind: .find, name: name), on: lookThreads) { reader throws(LibvirtError) -> String? in
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

  private func destroy(_ name: String, _ uuid: String) async -> OperationOutcome {
    guard let run = ledger.sighting(of: name).told?.run else { return .done }
    let question = Question(kind: .destroy, name: name)
    let isOrdered = isHanging(question)
    let order = Order()
    do {
      if !isOrdered {
        try await ask(question, on: destroyThreads, limit: limits.lifecycle) { reader throws(LibvirtError) in
          let sighting = try reader.look(at: name, before: run)
          // After a look that hung it may be another run's, which nobody wants to end.
          if sighting.told?.run.uuid == uuid, !order.isWithdrawn { try reader.destroy(sighting) }
        }
      }
    } catch .notBegun(let reason) {
      return .failed(reason: "\(name) was not destroyed: \(reason)")
    } catch {
      order.withdraw()
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
    if isOrdered { return .unknown(reason: "libvirt has not carried out an earlier order to destroy \(name)") }
    let place = run.cgroup.map { " in \($0)" } ?? ""
    return .unknown(
      reason:
        "libvirt destroyed \(name), but processes of it are left\(place). Check whether they hang on a disk, or are frozen")
  }
}
