import Glibc
import HoldfastModel
import LibvirtHypervisor
import Testing

/// What stands in the way of a live migration, told by libvirt's errors.
@Suite struct `An error of a live migration` {
  /// As libvirt numbers them.
  private enum Code: Int32 {
    case authFailed = 45
    case blockCopyActive = 83
    case configUnsupported = 67
    case internalError = 1
    case operationFailed = 9
    case operationInvalid = 55
    case operationTimeout = 68
    case systemError = 38
  }
  private enum Source: Int32 {
    case fromCpu = 31
    case fromQemu = 10
    case fromRemote = 13
    case fromRpc = 7
  }

  private static let rows: [(code: Code, source: Source, message: String, hindrance: Hindrance?)] = [
    (.operationInvalid, .fromQemu, "Requested operation is not valid: domain has active block job", .busy),
    (.operationInvalid, .fromQemu, "Requested operation is not valid: domain has an active block job", .busy),
    (.blockCopyActive, .fromQemu, "block copy still active: domain has active block copy job", .busy),
    (
      .operationTimeout, .fromQemu,
      "Timed out during operation: cannot acquire state change lock (held by monitor=remoteDispatchDomainBackupBegin)", .busy
    ),
    (
      .operationFailed, .fromQemu,
      "operation failed: Failed to connect to remote libvirt URI qemu+tls://n2/system: unable to connect to server at 'n2:16514': No route to host",
      .target
    ),
    (.systemError, .fromRpc, "Cannot recv data: Connection reset by peer", .target),
    (
      .systemError, .fromRpc,
      "Unable to verify TLS peer: The certificate is not trusted. The certificate has expired", .target
    ),
    (.internalError, .fromQemu, "internal error: Attempt to migrate guest to the same host n1", .target),
    (.authFailed, .fromRemote, "authentication failed: access denied by policy", .target),
    // As a libvirtd says it whose language is another.
    (
      .operationTimeout, .fromQemu,
      "Zeitüberschreitung während der Ausführung: Statusänderungssperre kann nicht erlangt werden", .busy
    ),
    (
      .operationFailed, .fromQemu,
      "Vorgang gescheitert: Verbindung zur entfernten Libvirt-URI qemu+tls://n2/system gescheitert: Keine Route zum Host",
      .target
    ),
    (.operationFailed, .fromQemu, "Vorgang gescheitert: job: ist nicht aktiv", nil),
    (.configUnsupported, .fromCpu, "unsupported configuration: guest CPU doesn't match specification", nil),
    (.operationFailed, .fromQemu, "operation failed: migration out job: is not active", nil),
    (
      .operationInvalid, .fromQemu,
      "Requested operation is not valid: cannot migrate a domain with <hostdev mode='subsystem' type='pci'>", nil
    )
  ]

  @Test(arguments: rows.indices) func `tells whose it is`(_ index: Int) {
    let row = Self.rows[index]
    let error = LibvirtError(code: row.code.rawValue, source: row.source.rawValue, message: row.message)
    #expect(error.hindrance(movingTo: "qemu+tls://n2/system") == row.hindrance, "\(row.message)")
  }

  @Test(
    arguments: [(ECONNREFUSED, .target), (EHOSTUNREACH, .target), (ENETUNREACH, .target), (ENOSPC, nil), (0, nil)]
      as [(Int32, Hindrance?)])
  func `tells an unreachable target by the system's number`(number: Int32, hindrance: Hindrance?) {
    let error = LibvirtError(
      code: Code.systemError.rawValue, source: Source.fromQemu.rawValue, message: "…", number: number)
    #expect(error.hindrance(movingTo: "qemu+tls://n2/system") == hindrance)
  }
}

@Suite(.libvirtHost, .enabled(if: !TestHost.isOff, "LAB=off")) struct `The language of libvirt's messages` {
  @Test func `is asked for, and English is no flaw`() async throws {
    try await Watched.with(try TestedDriver.allCases.map { try $0.uri() }) { watched in
      let uri = try TestedDriver.qemu.uri()
      for _ in 1...2 {
        // One that was never asked has no flaw either.
        #expect(await watched.hypervisor.speaksEnglish() == [uri: true])
        #expect(await watched.hypervisor.flaws() == [])
      }
    }
  }
}
