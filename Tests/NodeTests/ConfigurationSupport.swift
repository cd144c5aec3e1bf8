import Foundation
import HoldfastNode
import HoldfastYAML
import Testing

/// A host for defaults that do not depend on the machine that runs the tests.
let testHost = HostFacts(name: "h1", memory: 16_384, processors: 8)

/// A row of a table of mistakes: a text, and everything that is said about it.
struct MistakeRow: Sendable, CustomTestStringConvertible {
  var name: String
  var text: String
  /// The mistakes as a person sees them. `@` stands for the test's directory here and in the text.
  var said: String

  var testDescription: String { name }

  /// The rows of a file in `Tests/Mistakes`: a line `## NAME`, the text, and the lines to be said, each after `>> `.
  static func read(_ file: String) throws -> [MistakeRow] {
    let path = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Mistakes/\(file)")
    var rows: [MistakeRow] = []
    for line in try String(contentsOf: path, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("## ") {
        rows.append(MistakeRow(name: String(line.dropFirst(3)), text: "", said: ""))
      } else if let last = rows.indices.last {
        if line.hasPrefix(">> ") {
          rows[last].said += line.dropFirst(3) + "\n"
        } else if rows[last].said.isEmpty {
          rows[last].text += line + "\n"
        }
      }
    }
    return rows
  }

  static func said(_ mistakes: [FileMistake], in directory: String) -> String {
    mistakes.map { $0.description.replacing(directory, with: "@") + "\n" }.joined()
  }
}

/// A directory of its own with the files that configurations name; gone with the value.
final class ScratchDirectory: Sendable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "holdfast-\(UUID().uuidString)").path()
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  @discardableResult
  func write(_ name: String, _ text: String, mode: Int = 0o600) throws -> String {
    let file = "\(path)/\(name)"
    try Data(text.utf8).write(to: URL(filePath: file))
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
    return file
  }

  /// A certificate that ends in 2126, its key, and another one's key.
  static let certificate = """
    -----BEGIN CERTIFICATE-----
    MIIBhjCCAS2gAwIBAgIUBqwQGizcVj/x2kmCu7gK9uLJHIswCgYIKoZIzj0EAwIw
    GDEWMBQGA1UEAwwNaG9sZGZhc3QtdGVzdDAgFw0yNjExMjkyMzQ2MDRaGA8yMTI2
    MTEwNTIzNDYwNFowGDEWMBQGA1UEAwwNaG9sZGZhc3QtdGVzdDBZMBMGByqGSM49
    AgEGCCqGSM49AwEHA0IABHVCeBJKr5V0YYrcbjejYiQFHBF1tLkn9nQpTNeycoS1
    0DygrCOmLYxE3kr98jYwKkDneNiReC0JqXxVb2UNjQqjUzBRMB0GA1UdDgQWBBQz
    ZoTgcL8QUZehcmqSCpI6I/rewDAfBgNVHSMEGDAWgBQzZoTgcL8QUZehcmqSCpI6
    I/rewDAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0cAMEQCIBBkkfEwlKow
    NJXp1qaynJQNSUH9/wPNUq3K7CKuqk8bAiBTvBRDOy2c0L+ljtc7Uvhgi0rh7UXR
    S1tptNMe/gieaA==
    -----END CERTIFICATE-----

    """
  static let key = """
    -----BEGIN PRIVATE KEY-----
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgFtUDZNbXZkcazV9B
    8Rm0VLsX98bHOvzdvgkzB4xcLPahRANCAAR1QngSSq+VdGGK3G43o2IkBRwRdbS5
    J/Z0KUzXsnKEtdA8oKwjpi2MRN5K/fI2MCpA53jYkXgtCal8VW9lDY0K
    -----END PRIVATE KEY-----

    """
  /// With the same key, and it has ended in 2021.
  static let endedCertificate = """
    -----BEGIN CERTIFICATE-----
    MIIBDzCBtgIBATAKBggqhkjOPQQDAjAYMRYwFAYDVQQDDA1ob2xkZmFzdC10ZXN0
    MB4XDTIwMDEwMTAwMDAwMFoXDTIxMDEwMTAwMDAwMFowEDEOMAwGA1UEAwwFZW5k
    ZWQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAR1QngSSq+VdGGK3G43o2IkBRwR
    dbS5J/Z0KUzXsnKEtdA8oKwjpi2MRN5K/fI2MCpA53jYkXgtCal8VW9lDY0KMAoG
    CCqGSM49BAMCA0gAMEUCIAjyeYjBkx68HflM8fjXCRmXrgyEmVHGFFvDJh5SiJS8
    AiEAk7hgHb1/xQdYR6TWnK2duN/QP5hIKlxI16ksZ8XF/aE=
    -----END CERTIFICATE-----

    """
  static let otherKey = """
    -----BEGIN PRIVATE KEY-----
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgYuos6zXGqTbf1vPq
    0xGkjn5K0ghdC/1O1flbu4R6uPihRANCAASaguQn318dgvvREDrv0anmlSH+auzG
    ZnyB5EDJg4CJOf+xMLUKOT7BiMvEot5zuAOTX6dVJpquIrCHA1/RLolj
    -----END PRIVATE KEY-----

    """

  /// PEM files and a password.
  static func withCredentials() throws -> ScratchDirectory {
    let scratch = try ScratchDirectory()
    try scratch.write("ca.pem", certificate, mode: 0o644)
    try scratch.write("client.pem", certificate, mode: 0o644)
    try scratch.write("client-key.pem", key)
    try scratch.write("open-key.pem", key, mode: 0o644)
    try scratch.write("locked-key.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n")
    try scratch.write("password", "hunter2\n")
    try scratch.write("empty", "")
    try scratch.write("hook", "#!/bin/sh\n", mode: 0o755)
    try scratch.write("open-hook", "#!/bin/sh\n", mode: 0o777)
    return scratch
  }
}
