import CLibvirt
import Foundation
import HoldfastModel

/// Why a domain is paused: libvirt gives a domain that a migration brings here and one that a migration has left behind the same state
/// and the same reason.
extension DomainReader {
  func pausedState(of domain: DomainPointer, reason: Int32, _ run: Run) throws(LibvirtError) -> DomainObservation.State {
    switch virDomainPausedReason(UInt32(bitPattern: reason)) {
    case VIR_DOMAIN_PAUSED_MIGRATION, VIR_DOMAIN_PAUSED_STARTING_UP: break
    default: return .paused
    }
    guard hostFacts.driver.kind == .qemu else { return .paused }
    switch try domain.job().kind {
    case .arriving: return .arriving
    case .leaving, .other: return .paused
    case .none: return withoutJob(domain.name, run)
    }
  }

  /// After a restart of libvirtd there is no job any more: at the source the domain is there to be resumed, and at the target libvirtd is about
  /// to destroy it, which may take time. qemu's command line tells them apart, unless the domain came here by an earlier migration; then
  /// what libvirtd has written down of its job does.
  private func withoutJob(_ name: String, _ run: Run) -> DomainObservation.State {
    guard let process = run.process else { return .unclear }
    let arguments = Self.arguments(of: process.pid)
    guard process.isAlive else { return .stopping }
    if !arguments.contains("-incoming") { return .paused }
    let file = "\(hostFacts.driver.runtimeDirectory)/qemu/\(name).xml"
    guard let status = try? String(contentsOfFile: file, encoding: .utf8), status.contains("<domstatus") else {
      return .unclear
    }
    return status.contains("async='migration in'") ? .arriving : .paused
  }
}
