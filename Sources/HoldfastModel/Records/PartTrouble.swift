/// A part of a workload of the host itself that is not up where the workload is, as its node reports it.
public struct PartTrouble: Hashable, Sendable, Codable {
  public enum State: String, Hashable, Sendable, Codable, CaseIterable {
    case down, starting, stopping
    /// Its own status says so.
    case failed
    /// Nobody can tell; it is not taken for down.
    case unknown
  }
  /// The part's.
  public var name: String
  public var state: State
  /// A clause; nil: there is nothing to say.
  public var reason: String?

  public init(_ name: String, _ state: State, reason: String? = nil) {
    self.name = name
    self.state = state
    self.reason = reason
  }

  /// A clause about the workload; nil: the part is on its way.
  public var clause: String? {
    switch state {
    case .failed: "its part '\(name)' fails\(reason.map { ": \($0)" } ?? "")"
    case .unknown: "nobody knows how its part '\(name)' is\(reason.map { ": \($0)" } ?? "")"
    case .down, .starting, .stopping: nil
    }
  }

  /// It is not just on its way up or down.
  public var isBad: Bool { clause != nil }

  /// Such as `failed: status 5`.
  public var words: String { "\(state.rawValue)\(reason.map { ": \($0)" } ?? "")" }
}
