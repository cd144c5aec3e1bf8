import HoldfastYAML

/// The kinds of PEM files that a configuration names.
enum PEMKind {
  case certificate, privateKey

  var expected: String {
    switch self {
    case .certificate: "a PEM file with a certificate"
    case .privateKey: "a PEM file with a private key"
    }
  }
}

/// A file with a password in its first line.
enum PasswordFile {
  static func read(_ path: String) throws(RegularFile.Problem) -> String {
    let file = try RegularFile.read(path, limit: 4096)
    guard let text = String(validating: file.bytes, as: UTF8.self) else { throw .init(found: "bytes that are not UTF-8") }
    let password = text.prefix { !$0.isNewline }
    guard !password.isEmpty else { throw .init(found: "an empty first line") }
    return String(password)
  }
}

extension YAMLValue {
  /// The path of a PEM file that can be read and holds what it should, as far as its markers tell.
  func pem(_ kind: PEMKind) -> String? {
    guard let path = absolutePath() else { return nil }
    guard let file = readable(path, expected: kind.expected) else { return nil }
    let text = String(decoding: file.bytes, as: UTF8.self)
    let hasCertificate = text.contains("-----BEGIN CERTIFICATE-----")
    let hasKey = text.contains("PRIVATE KEY-----")
    switch kind {
    case .certificate where !hasCertificate:
      wrong(
        expected: kind.expected, found: hasKey ? "a private key in \(Self.quote(path))" : "none in \(Self.quote(path))",
        remedy: hasKey ? "Exchange the two paths." : "Name the .pem or .crt file.")
      return nil
    case .privateKey where !hasKey:
      wrong(
        expected: kind.expected, found: hasCertificate ? "a certificate in \(Self.quote(path))" : "none in \(Self.quote(path))",
        remedy: hasCertificate ? "Exchange the two paths." : "Name the .pem or .key file.")
      return nil
    case .privateKey where text.contains("ENCRYPTED"):
      wrong(
        expected: "a private key without a passphrase", found: "an encrypted one",
        remedy: "Decrypt it: openssl pkey -in OLD -out NEW.")
      return nil
    case .privateKey: warnIfExposed(path, file, what: "a private key")
    case .certificate: break
    }
    return path
  }

  /// The path of a password file that can be read.
  ///
  /// - Parameters:
  ///   - what: that is in it.
  ///   - severity: of its absence. Where that is no error, the path is the value all the same.
  func passwordFile(_ what: String = "password", _ severity: FileMistake.Severity = .error) -> String? {
    guard let path = absolutePath() else { return nil }
    guard let file = readable(path, expected: "a file with a \(what)", severity) else { return severity == .error ? nil : path }
    do {
      _ = try PasswordFile.read(path)
      warnIfExposed(path, file, what: "a \(what)")
    } catch {
      wrong(
        severity, expected: "a file with a \(what) in its first line", found: "\(error.found) in \(Self.quote(path))",
        remedy: "Write the \(what) into it, in one line.")
    }
    return path
  }

  private func readable(_ path: String, expected: String, _ severity: FileMistake.Severity = .error) -> RegularFile? {
    do {
      return try RegularFile.read(path, limit: 1 << 20)
    } catch {
      wrong(
        severity, expected: expected, found: "\(error.found): \(Self.quote(path))",
        remedy: "Check the path and the permissions.")
      return nil
    }
  }

  private func warnIfExposed(_ path: String, _ file: RegularFile, what: String) {
    guard file.mode & 0o007 != 0 else { return }
    wrong(
      .warning, expected: "\(what) that not everybody can read",
      found: "mode \(String(file.mode & 0o777, radix: 8)) on \(Self.quote(path))", remedy: "chmod o= \(path)")
  }
}
