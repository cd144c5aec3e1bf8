import Foundation
import NIOSSL
import Subprocess
import SystemPackage

/// A certificate of a test's own.
enum SelfSigned {
  /// - Parameter days: for so many it is valid.
  static func context(days: Int) async throws -> NIOSSLContext {
    let (certificate, key) = try await make(days: days)
    return try NIOSSLContext(
      configuration: .makeServerConfiguration(certificateChain: [.certificate(certificate)], privateKey: .privateKey(key)))
  }

  static func make(days: Int) async throws -> (NIOSSLCertificate, NIOSSLPrivateKey) {
    let directory = try Scratch()
    let (key, certificate) = ("\(directory.path)/key.pem", "\(directory.path)/cert.pem")
    let made = try await run(
      .name("openssl"),
      arguments: [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "\(days)", "-subj",
        "/CN=made-up", "-keyout", key, "-out", certificate
      ], output: .discarded, error: .string(limit: 65_536))
    guard made.terminationStatus.isSuccess else { throw Trouble(text: made.standardError) }
    let read = try NIOSSLCertificate.fromPEMFile(certificate)
    guard let first = read.first else { throw Trouble(text: "no certificate in \(certificate)") }
    return (first, try NIOSSLPrivateKey(file: key, format: .pem))
  }

  private struct Trouble: Error {
    var text: String
  }
}
