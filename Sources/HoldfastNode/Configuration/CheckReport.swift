import EtcdStore
import HoldfastModel
import HoldfastYAML
import Housekeeping

/// What `holdfastd --check` prints, and how it exits.
public struct CheckReport: Hashable, Sendable {
  public var text: String
  /// 0: the file can be used, perhaps with warnings. 78: it cannot (EX_CONFIG of sysexits.h; systemd knows it too).
  public var exitStatus: Int32

  public static let configurationError: Int32 = 78

  /// - Parameter text: with quotations from files, which steer no terminal.
  init(_ text: String, exitStatus: Int32) {
    self.text = InWords.visible(text)
    self.exitStatus = exitStatus
  }

  /// What stands against a configuration file.
  public static func refusal(_ error: FileErrors, of path: String) -> CheckReport {
    CheckReport("\(error)\n\(path) cannot be used", exitStatus: configurationError)
  }
}

extension NodeConfiguration {
  /// Checks a configuration file without starting anything.
  public static func check(path: String, host: HostFacts = .current()) -> CheckReport {
    do {
      let configuration = try load(path: path, host: host)
      guard configuration.hasEndedCertificates(at: wallTime()) else {
        return CheckReport(configuration.summary(of: path), exitStatus: 0)
      }
      let warnings = configuration.warnings.map { "\($0)\n" }.joined()
      return CheckReport(
        "\(warnings)\(path) cannot be used: a certificate has ended", exitStatus: CheckReport.configurationError)
    } catch {
      return .refusal(error, of: path)
    }
  }

  /// - Parameter now: milliseconds since 1970.
  private func hasEndedCertificates(at now: Int64) -> Bool {
    guard case .etcd(let place) = store, let tls = place.tls else { return false }
    let ends = [
      CertificateFiles.end(of: tls.ca, .authority), tls.client.flatMap { CertificateFiles.end(of: $0.certificate, .client) }
    ]
    return ends.contains { $0.map { $0 < now } ?? false }
  }

  /// Warnings, and every setting in effect, defaults included.
  private func summary(of path: String) -> String {
    let width = settings.map(\.key.count).max() ?? 0
    let lines = settings.map { "  \($0.key.padding(to: width))  \($0.value)" }
    let count = warnings.isEmpty ? "" : " (\(FileErrors.count(warnings)))"
    return (warnings.map(\.description) + ["\(path) is valid\(count)", "in effect:"] + lines).joined(separator: "\n")
  }
}

extension String {
  fileprivate func padding(to width: Int) -> String { self + String(repeating: " ", count: Swift.max(0, width - count)) }
}
