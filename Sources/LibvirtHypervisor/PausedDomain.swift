import CLibvirt
import Foundation
import HoldfastModel

/// Why a domain is paused: libvirt gives a domain that a migration brings here and one that a migration has left behind the same state
/// and the same reason.
extension DomainReader {
  typealias Observed = (state: DomainObservation.State, reason: DomainObservation.Reason?)

  func pausedState(of domain: DomainPointer, reason: Int32, _ run: Run) throws(LibvirtError) -> Observed {
    switch virDomainPausedReason(UInt32(bitPattern: reason)) {
    case VIR_DOMAIN_PAUSED_USER: return (.paused, .suspended)
    case VIR_DOMAIN_PAUSED_IOERROR: return (.paused, .ioError)
    case VIR_DOMAIN_PAUSED_WATCHDOG: return (.paused, .watchdog)
    case VIR_DOMAIN_PAUSED_SAVE, VIR_DOMAIN_PAUSED_DUMP: return (.paused, .saving)
    case VIR_DOMAIN_PAUSED_SNAPSHOT, VIR_DOMAIN_PAUSED_FROM_SNAPSHOT: return (.paused, .snapshot)
    case VIR_DOMAIN_PAUSED_SHUTTING_DOWN: return (.paused, .shuttingDown)
    // QEMU does not let it go on.
    case VIR_DOMAIN_PAUSED_CRASHED: return (.crashed, .crashed)
    case VIR_DOMAIN_PAUSED_POSTCOPY, VIR_DOMAIN_PAUSED_POSTCOPY_FAILED: return (.paused, .postCopy)
    case VIR_DOMAIN_PAUSED_STARTING_UP: return startingUp(run)
    case VIR_DOMAIN_PAUSED_MIGRATION: break
    default: return (.paused, nil)
    }
    guard hostFacts.driver.kind == .qemu else { return (.paused, .migration) }
    if let known = withoutAsking(domain.name, run) { return known }
    // Where libvirtd's files and processes are out of sight. Such a domain's job can hold the answer up, and its own look alone.
    switch try domain.job().kind {
    case .arriving: return (.arriving, .migration)
    case .leaving, .other: return (.paused, .migration)
    case .none: return (.unclear, nil)
    }
  }

  /// The domain came here by a migration, or its process is out of sight.
  func mayHaveArrived(_ name: String) -> Bool {
    guard hostFacts.sharesProcesses, let pid = qemuProcess(of: name) else { return true }
    let arguments = Self.arguments(of: pid)
    return arguments.isEmpty || arguments.contains("-incoming")
  }

  /// The start may end at any moment, and holds up whoever asks for its job.
  private func startingUp(_ run: Run) -> Observed {
    if let process = run.process, Self.arguments(of: process.pid).contains("-incoming") { return (.arriving, .migration) }
    return (.unclear, .startingUp)
  }

  /// qemu's command line tells an arriving domain from one that a migration has left behind, which is there to be resumed, unless that had
  /// come here by an earlier migration; then what libvirtd has written down of its job does. Neither waits for libvirt's job, and both
  /// outlast a restart of libvirtd, which is about to destroy what was arriving.
  private func withoutAsking(_ name: String, _ run: Run) -> Observed? {
    guard let process = run.process else { return nil }
    let arguments = Self.arguments(of: process.pid)
    guard process.isAlive else { return (.stopping, .processEnded) }
    if !arguments.contains("-incoming") { return (.paused, .migration) }
    let file = "\(hostFacts.driver.runtimeDirectory)/qemu/\(name).xml"
    guard let status = try? String(contentsOfFile: file, encoding: .utf8), status.contains("<domstatus") else { return nil }
    return status.contains("async='migration in'") ? (.arriving, .migration) : (.paused, .migration)
  }
}
