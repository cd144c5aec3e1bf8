import Housekeeping
import NIOSSL
import Synchronization

/// The TLS files of a configuration, looked into without connecting anywhere.
public enum CertificateFiles {
  /// Why a certificate and a key are of no use together.
  public enum Flaw: Hashable, Sendable {
    case certificateUnreadable, keyUnreadable
    /// The key is another certificate's.
    case keyOfAnother
  }

  /// nil: the key is the certificate's.
  public static func flaw(certificate: String, key: String) -> Flaw? {
    guard let chain = try? NIOSSLCertificate.fromPEMFile(certificate), !chain.isEmpty else { return .certificateUnreadable }
    guard let key = try? NIOSSLPrivateKey(file: key, format: .pem) else { return .keyUnreadable }
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.certificateChain = chain.map { .certificate($0) }
    configuration.privateKey = .privateKey(key)
    // Nobody is connected to: the system's authorities need not be read.
    configuration.trustRoots = .certificates([])
    // BoringSSL compares the two when the second of them is given to it.
    do { _ = try NIOSSLContext(configuration: configuration) } catch { return .keyOfAnother }
    return nil
  }

  /// Until when a file's certificates serve, in milliseconds since 1970; nil: it has none that can be read. A chain ends with the first of them; of several
  /// authorities, as there are while one takes another's place, the last is left.
  public static func end(of path: String, _ kind: StoreCertificate.Kind) -> Int64? {
    guard let certificates = try? NIOSSLCertificate.fromPEMFile(path) else { return nil }
    let ends = certificates.map { Int64($0.notValidAfter) * 1000 }
    return kind == .client ? ends.min() : ends.max()
  }
}

/// The ends of a store's certificates, looked up now and then: they are files on a disk.
final class CertificateCalendar: Sendable {
  private let paths: [(kind: StoreCertificate.Kind, path: String)]
  private let known = Mutex<(at: ContinuousClock.Instant, certificates: [StoreCertificate])?>(nil)

  /// From one reading of the files to the next: certificates end by the day.
  private static let interval: Duration = .seconds(600)

  init(_ configuration: EtcdConfiguration) {
    paths = [
      configuration.certificateFile.map { (.client, $0) }, configuration.authorityFile.map { (.authority, $0) }
    ].compactMap { $0 }
  }

  /// Blocks for as long as the files' disk does, at most every ten minutes.
  var certificates: [StoreCertificate] {
    if let known = known.withLock({ $0 }), known.at + Self.interval > .now { return known.certificates }
    let found = paths.compactMap { kind, path in
      CertificateFiles.end(of: path, kind).map { StoreCertificate(kind, path: path, ends: $0) }
    }
    known.withLock { $0 = (.now, found) }
    return found
  }
}
