import Foundation
import HoldfastModel
import HoldfastTime
import LibvirtHypervisor
import Testing

/// Two private hosts that reach each other, for one suite.
struct HostPair: Sendable {
  @TaskLocal static var current: HostPair?

  let here: TestHost
  let there: TestHost
  static let addresses = (here: "10.99.0.1", there: "10.99.0.2")

  static func required() throws -> HostPair {
    guard let current else { throw TestHost.Trouble(description: "this test needs the trait .hostPair") }
    return current
  }

  var turned: HostPair { HostPair(here: there, there: here) }
}

struct HostPairTrait: SuiteTrait, TestScoping {
  func provideScope(for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void)
    async throws
  {
    if TestHost.isOff { return try await function() }
    try await TestHost.with(address: HostPair.addresses.here) { here in
      try await TestHost.with(address: HostPair.addresses.there) { there in
        try await there.command("cable \(here.libvirtd) \(HostPair.addresses.here)")
        try await HostPair.$current.withValue(HostPair(here: here, there: there)) { try await function() }
      }
    }
  }
}

extension Trait where Self == HostPairTrait {
  static var hostPair: Self { Self() }
}

extension TestHost {
  /// Waits until libvirtd has written something down of a machine.
  func wait(forStatus status: String, of name: String) async throws {
    let file = "\(directory)/run/libvirt/qemu/\(name).xml"
    let end = ContinuousClock.now + .seconds(5)
    while try !String(contentsOfFile: file, encoding: .utf8).contains(status) {
      guard ContinuousClock.now < end else { throw Trouble(description: "libvirtd does not note \(status) of \(name)") }
      try await Task.sleep(for: .milliseconds(10))
    }
  }
}

/// A guest that runs on one of two hosts, and both hosts' hypervisors.
struct Move {
  let guest: CountingGuest
  let hosts: HostPair
  let here: Watched
  let there: Watched
  /// Of the other host's libvirt, as this host's libvirt reaches it.
  var destination = "qemu+tcp://\(HostPair.addresses.there)/system"

  var domain: TestDomain { guest.domain }
  var idHere: DomainID { DomainID(connection: hosts.here.uri("qemu"), name: domain.id.name) }
  var idThere: DomainID { DomainID(connection: hosts.there.uri("qemu"), name: domain.id.name) }

  /// Starts a guest here, runs `body`, and ends the guest wherever it is. Nothing of it may ever have run twice.
  static func with(
    _ name: String, limits: LibvirtLimits = LibvirtLimits(), image: String? = nil, _ body: (Move) async throws -> Void
  ) async throws {
    let hosts = try HostPair.required()
    let guest = try CountingGuest(name, on: hosts.here, place: hosts.here.directory, image: image)
    try await Watched.with([hosts.here.uri("qemu")], limits: limits) { here in
      try await Watched.with([hosts.there.uri("qemu")], limits: limits) { there in
        let move = Move(guest: guest, hosts: hosts, here: here, there: there)
        _ = try await here.start(guest.domain)
        try await guest.counts()
        try await body(move)
        try guest.expectRanOnce()
        expectDone(await here.hypervisor.stop(guest.domain.id, uuid: guest.domain.uuid, grace: .zero))
        expectDone(await there.hypervisor.stop(move.idThere, uuid: guest.domain.uuid, grace: .zero))
      }
    }
  }

  /// The way back.
  var turned: Move {
    var move = Move(guest: guest, hosts: hosts.turned, here: there, there: here)
    move.destination = "qemu+tcp://\(HostPair.addresses.here)/system"
    return move
  }

  func migrate(_ limits: MigrationLimits = MigrationLimits(), isSuspended: Bool = false, notAfter: Int64 = .max) async
    -> OperationOutcome
  {
    await here.hypervisor.migrate(
      MigrationRequest(
        id: idHere, uuid: domain.uuid, destination: destination, limits: limits, isSuspended: isSuspended,
        notAfter: BootInstant(nanoseconds: notAfter)))
  }

  func resumeThere(notAfter: Int64 = .max) async -> OperationOutcome {
    await there.hypervisor.resume(idThere, uuid: domain.uuid, notAfter: BootInstant(nanoseconds: notAfter))
  }

  func resumeHere() async -> OperationOutcome {
    await here.hypervisor.resume(idHere, uuid: domain.uuid, notAfter: BootInstant(nanoseconds: .max))
  }
}
