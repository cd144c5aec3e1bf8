import Foundation

/// A certificate authority of the test's own, with what it signed, as PEM files in a directory.
struct Certificates: Sendable {
  var directory: String
  var authority: String { "\(directory)/ca.pem" }

  func certificate(_ name: String) -> String { "\(directory)/\(name).pem" }
  func key(_ name: String) -> String { "\(directory)/\(name)-key.pem" }

  /// Makes the authority, and one certificate for `server` (127.0.0.1, ::1 and localhost) and one for each of `clients`.
  static func make(in directory: String, clients: [String] = ["client"]) async throws -> Certificates {
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let made = Certificates(directory: directory)
    try await command([
      "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
      "-subj", "/CN=Holdfast test authority", "-keyout", made.key("ca"), "-out", made.authority
    ])
    try await made.sign("server", "subjectAltName=IP:127.0.0.1,IP:::1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth")
    for client in clients { try await made.sign(client, "extendedKeyUsage=clientAuth") }
    return made
  }

  private func sign(_ name: String, _ extensions: String) async throws {
    let request = "\(directory)/\(name).csr"
    let extensionFile = "\(directory)/\(name).ext"
    try extensions.write(toFile: extensionFile, atomically: false, encoding: .utf8)
    try await command([
      "openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=\(name)",
      "-keyout", key(name), "-out", request
    ])
    try await command([
      "openssl", "x509", "-req", "-in", request, "-CA", authority, "-CAkey", key("ca"), "-CAcreateserial", "-days", "2",
      "-extfile", extensionFile, "-out", certificate(name)
    ])
  }
}
