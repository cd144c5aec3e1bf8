import EtcdStore
import Foundation
import Housekeeping
import Testing

/// How long etcd's members are waited for.
@Suite struct `Patience with a member` {
  @Test func `doubles with each time that it was too short, to a bound, and remembers what was needed`() {
    var patience = Patience(.seconds(1))
    #expect(patience.present == .seconds(1))
    patience.ranOut()
    #expect(patience.present == .seconds(2))
    for _ in 0..<9 { patience.ranOut() }
    #expect(patience.present == .seconds(8))
    patience.wasEnough(.milliseconds(700))
    #expect(patience.present == .milliseconds(1400))
    patience.wasEnough(.milliseconds(10))
    #expect(patience.present == .seconds(1), "never less than usual")
    patience.wasEnough(.seconds(60))
    #expect(patience.present == .seconds(8))
  }

  @Test(arguments: [
    (Duration.milliseconds(500), 1500, 500, 1000), (.seconds(3), 1500, 500, 1000), (.seconds(6), 3000, 1000, 2000),
    (.seconds(600), 10_000, 5000, 5000)
  ]) func `grows with the TTL, within bounds`(ttl: Duration, connect: Int, probe: Int, silence: Int) {
    var configuration = EtcdConfiguration(endpoints: [])
    configuration.fit(ttl: ttl)
    #expect(configuration.connectTimeout == .milliseconds(connect))
    #expect(configuration.probeTimeout == .milliseconds(probe))
    #expect(configuration.watchSilence == .milliseconds(silence))
  }
}

/// What can be said of certificates before anybody is connected to.
@Suite struct `Certificate files` {
  @Test func `belong together or do not, and end`() async throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: "certificates-\(UUID().uuidString)").path()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let made = try await Certificates.make(in: directory, clients: ["client", "other"])
    #expect(CertificateFiles.flaw(certificate: made.certificate("client"), key: made.key("client")) == nil)
    #expect(CertificateFiles.flaw(certificate: made.certificate("client"), key: made.key("other")) == .keyOfAnother)
    #expect(CertificateFiles.flaw(certificate: made.key("client"), key: made.key("client")) == .certificateUnreadable)
    #expect(CertificateFiles.flaw(certificate: made.certificate("client"), key: made.certificate("client")) == .keyUnreadable)
    #expect(CertificateFiles.flaw(certificate: "/none", key: made.key("client")) == .certificateUnreadable)
    // Made to end in two days.
    let end = try #require(CertificateFiles.end(of: made.authority, .authority))
    let left = Double(end) / 1000 - Date.now.timeIntervalSince1970
    #expect(left > 1.9 * 86_400 && left < 2.1 * 86_400)
    #expect(CertificateFiles.end(of: made.key("client"), .client) == nil)
  }
}
