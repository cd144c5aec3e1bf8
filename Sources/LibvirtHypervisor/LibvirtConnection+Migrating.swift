import CLibvirt
import DomainXML
import HoldfastModel
import HoldfastTime
import LinuxBasics
import Logging

extension LibvirtConnection {
  /// A migration from here that is under way.
  struct OutgoingMigration {
    /// Why it is to be aborted, as soon as libvirt has begun it.
    var givenUp: String?
  }

  func migrate(_ request: MigrationRequest) async -> OperationOutcome {
    let (name, uuid) = (request.id.name, request.uuid.lowercased())
    guard case .up = phase else {
      return .failed(reason: "\(name) was not migrated: libvirt (\(uri)) is unreachable. Check that libvirtd runs on this node")
    }
    guard outgoingMigrations[uuid] == nil else { return .failed(reason: "\(name) is being migrated already") }
    outgoingMigrations[uuid] = OutgoingMigration()
    let minder = Task { await mind(request, uuid) }
    let outcome = await migrateOnce(request, uuid)
    minder.cancel()
    outgoingMigrations[uuid] = nil
    return outcome
  }

  func cancelMigration(_ name: String, uuid: String) async {
    if outgoingMigrations[uuid] != nil {
      outgoingMigrations[uuid]?.givenUp = "it was called off"
      return wake(named: name)
    }
    // One that a controller before this one began: libvirt goes on with it when its client is gone.
    do {
      try await ask(Question(kind: .mindMigration, name: name), on: progressThreads) { reader throws(LibvirtError) in
        guard let domain = try reader.active(name, uuid), try domain.job().kind == .leaving else { return }
        try domain.abortJob()
      }
    } catch {
      logger.warning("a migration was not called off", metadata: ["domain": "\(name)", "reason": "\(Words.of(error))"])
    }
  }

  private func migrateOnce(_ request: MigrationRequest, _ uuid: String) async -> OperationOutcome {
    let name = request.id.name
    do {
      let attempt = try await call(on: migrationThreads, limit: .seconds(request.limits.time) + limits.aborting) {
        reader throws(LibvirtError) in try reader.migrate(request, uuid)
      }
      switch attempt {
      case .refused(let reason): return .failed(reason: "\(name) was not migrated: \(reason)")
      case .busy(let reason): return .hindered(.busy, reason: reason)
      case .tooLate: return .tooLate
      case .ended(let error): return await seen(request, uuid, after: error)
      }
    } catch .notBegun(let reason) {
      return .failed(reason: "\(name) was not migrated: \(reason)")
    } catch {
      look(at: name)
      return .unknown(reason: "\(name) may be migrating: \(Words.of(error))")
    }
  }

  /// What became of it, by what is seen after libvirt's call has ended.
  private func seen(_ request: MigrationRequest, _ uuid: String, after error: LibvirtError?) async -> OperationOutcome {
    let name = request.id.name
    let reason = outgoingMigrations[uuid]?.givenUp ?? error?.explained ?? "libvirt says that it did"
    guard await lookNow(at: name) else { return .unknown(reason: "\(name) may have been migrated: libvirt does not answer") }
    if error == nil {
      let end = ContinuousClock.now + limits.call
      while holds(name, uuid), ContinuousClock.now < end, inventoryTold { await waitForNews(of: name, until: end) }
      guard inventoryTold else { return .unknown(reason: "\(name) was migrated, and libvirt (\(uri)) was lost") }
    }
    guard holds(name, uuid), let state = ledger.sighting(of: name).told?.observation.state else {
      // Gone after an error: it ended by itself, and nothing has arrived.
      guard error != nil else { return .done }
      return .unknown(reason: "\(name) is gone, and libvirt did not say that it was migrated: \(reason)")
    }
    guard error != nil, state == (request.isSuspended ? .paused : .running) else {
      return .unknown(reason: "\(name) is still here, \(state.rawValue), and may have been migrated: \(reason)")
    }
    if let hindrance = error?.hindrance(movingTo: request.destination), outgoingMigrations[uuid]?.givenUp == nil {
      return .hindered(hindrance, reason: reason)
    }
    let how = request.isSuspended ? "is here, paused" : "runs on here"
    return .failed(reason: "\(name) was not migrated and \(how): \(reason)")
  }

  /// Tells how far a migration is, and sees to it that it is aborted when it is given up.
  private func mind(_ request: MigrationRequest, _ uuid: String) async {
    let name = request.id.name
    let end = ContinuousClock.now + .seconds(request.limits.time)
    var pause = Duration.milliseconds(100)
    var downtime = request.limits.downtime
    while !Task.isCancelled {
      let next = ContinuousClock.now + pause
      await waitForNews(of: name, until: outgoingMigrations[uuid]?.givenUp == nil ? min(next, end) : next)
      pause = .milliseconds(500)
      if Task.isCancelled { return }
      if ContinuousClock.now >= end, outgoingMigrations[uuid]?.givenUp == nil {
        outgoingMigrations[uuid]?.givenUp = "it was not over after \(request.limits.time) s"
      }
      let order: DomainReader.Order =
        outgoingMigrations[uuid]?.givenUp != nil ? .abort : downtime.map { .limitDowntime($0) } ?? .goOn
      do {
        let question = Question(kind: .mindMigration, name: name)
        let progress = try await ask(question, on: progressThreads) { reader throws(LibvirtError) in
          try reader.mind(name, uuid, order)
        }
        guard let progress, !Task.isCancelled else { continue }
        downtime = nil
        // Before the first of it is sent libvirt does not know how much there is.
        if progress.total > 0 { send(.migrating(request.id, progress)) }
      } catch {
        // What becomes of it, the migration's own call tells.
        logger.debug("a migration was not looked at", metadata: ["domain": "\(name)", "reason": "\(Words.of(error))"])
      }
    }
  }
}

extension DomainReader {
  fileprivate enum Departing: Sendable {
    case refused(String)
    /// libvirt works at the domain.
    case busy(String)
    case tooLate
    /// libvirt's call has ended, with or without an error.
    case ended(LibvirtError?)
  }

  fileprivate func migrate(_ request: MigrationRequest, _ uuid: String) throws(LibvirtError) -> Departing {
    guard let domain = try active(request.id.name, uuid) else {
      return .refused("no domain of that name and UUID \(uuid) is running")
    }
    let (state, reason) = try domain.state()
    if request.isSuspended {
      guard state == VIR_DOMAIN_PAUSED, reason == Int32(VIR_DOMAIN_PAUSED_USER.rawValue) else {
        return .refused("it is not suspended any more")
      }
      // QEMU (7.2) ends when it is sent on before it was resumed, and the guest's memory with it. Whether it was resumed, nothing tells.
      guard !mayHaveArrived(request.id.name) else {
        return .refused("it came here by a migration, and may not have been resumed since: QEMU would end, so resume it first")
      }
    } else {
      guard state == VIR_DOMAIN_RUNNING else { return .refused("it is not running") }
    }
    if try domain.isPersistent() {
      return .refused("it is defined persistently, and its definition would stay behind. Put it under protection first")
    }
    if try domain.job().kind != .none {
      return .busy("libvirt works at it, as for a backup or a snapshot: see 'virsh domjobinfo \(request.id.name)'")
    }
    // No job of the domain's: libvirt would refuse the migration, with an error that has no code of its own.
    if let disk = try diskAtWork(of: domain) {
      return .busy("libvirt copies, commits or pulls its disk \(disk): see 'virsh blockjob \(request.id.name) \(disk) --info'")
    }
    // Last thing before the call, on the thread that makes it: whatever waited, waited before this.
    guard BootClock.now <= request.notAfter else { return .tooLate }
    do throws(LibvirtError) {
      try domain.migrate(to: request.destination, request.limits)
      return .ended(nil)
    } catch {
      // Broken off between us and libvirtd: it may go on without us. Between libvirtd and the target it cannot be told from that by its
      // source alone, but then libvirtd answers.
      if error.lostConnection, (try? domain.isGone()) == nil { throw error }
      return .ended(error)
    }
  }

  /// One of the domain's disks on which libvirt runs a block job; nil: none that can be told.
  private func diskAtWork(of domain: DomainPointer) throws(LibvirtError) -> String? {
    guard let hardware = try? DomainDocument(try domain.xml()).hardware else { return nil }
    return hardware.disks.map(\.target).first(where: domain.hasBlockJob)
  }

  fileprivate enum Order: Sendable { case goOn, abort, limitDowntime(Int) }

  /// How far a migration away is, after an order to it; nil when none is under way.
  fileprivate func mind(_ name: String, _ uuid: String, _ order: Order) throws(LibvirtError) -> MigrationProgress? {
    guard let domain = try active(name, uuid) else { return nil }
    let job = try domain.job()
    guard job.kind == .leaving else { return nil }
    switch order {
    case .goOn: break
    case .abort: try domain.abortJob()
    case .limitDowntime(let milliseconds): try domain.setMaximalDowntime(milliseconds: milliseconds)
    }
    return job.progress
  }
}
