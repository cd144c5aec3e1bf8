/// What ended a domain, as far as libvirt said.
public enum DomainEnd: String, Hashable, Sendable, Codable, CaseIterable {
  /// Its guest powered itself off, also where it was asked to. Of a container: its init ended, whatever its exit status.
  case poweredOff = "powered-off"
  /// Its guest crashed.
  case crashed
  /// Somebody destroyed it, or saved it to a file.
  case destroyed
  /// Its hypervisor process failed.
  case failed
  /// A live migration took it to another host.
  case migrated
  /// Nobody saw how it ended.
  case unknown

  /// As the predicate of a sentence whose subject is the domain.
  public var words: String {
    switch self {
    case .poweredOff: "powered itself off"
    case .crashed: "crashed"
    case .destroyed: "was destroyed by somebody"
    case .failed: "lost its hypervisor process"
    case .migrated: "was migrated away"
    case .unknown: "ended"
    }
  }
}
