import HoldfastModel

/// What systemd tells of one unit, all of it at one instant.
public struct UnitFacts: Hashable, Sendable {
  public enum Activity: Hashable, Sendable {
    case active, inactive, failed, activating, deactivating
    /// A word of a later systemd's.
    case other(String)

    /// - Parameter word: of `ActiveState`.
    public init(_ word: String) {
      self =
        switch word {
        // It serves while it reads its files anew.
        case "active", "reloading", "refreshing": .active
        case "inactive": .inactive
        case "failed": .failed
        case "activating": .activating
        case "deactivating": .deactivating
        default: .other(word)
        }
    }
  }

  /// `LoadState`: `loaded`, `not-found`, `masked`, ….
  public var load = "loaded"
  public var activity = Activity.inactive
  /// `SubState`, such as `start-pre` or `auto-restart`.
  public var step = "dead"
  /// `Result` of its last run, such as `success` or `exit-code`.
  public var result = "success"
  /// The status or signal with which its main process ended; nil: it was not told.
  public var mainStatus: Int?
  /// Of which run of the unit it tells: another for each start. "": it never ran.
  public var invocation = ""
  /// `start`, `stop`, …: what is queued for it; nil: nothing.
  public var job: String?
  /// `UnitFileState`: `enabled`, `disabled`, `static`, ….
  public var file = "disabled"
  /// Other units that start it when they are started themselves, or that wait for something to start it.
  public var startedBy: [String] = []
  /// `Type=`.
  public var type = "simple"
  /// What keeps it under the guard, and from being restarted by systemd, is in force.
  public var isCovered = false

  public init() {}
}

extension UnitFacts {
  private static let startsByItself: Set<String> = ["enabled", "enabled-runtime"]

  /// Who starts it besides, as a clause, and what to type.
  private struct Origin {
    var clause: String
    var remedy: String
  }

  private func origin(of unit: String, besides own: Set<String>) -> Origin? {
    // It comes first: it is what an operator did, and what the targets follow from.
    if Self.startsByItself.contains(file) { return Origin(clause: "is enabled", remedy: "`systemctl disable \(unit)`") }
    let others = startedBy.filter { !own.contains($0) }
    guard let first = others.first else { return nil }
    return Origin(
      clause: "is started by \(InWords.list(others, most: 3)) as well",
      remedy: "`systemctl disable --now \(first)`, or take it out of what \(first) wants")
  }

  /// Why it must not be started for a workload: a clause, and what to do about it; nil: nothing speaks against it.
  ///
  /// - Parameter own: the workload's units, which may need each other.
  public func obstacle(of unit: String, besides own: Set<String>) -> HostPartFlaw? {
    switch load {
    case "loaded": break
    case "not-found": return HostPartFlaw("systemd knows no unit \(unit)", "Install it on this node")
    case "masked": return HostPartFlaw("\(unit) is masked", "`systemctl unmask \(unit)`")
    default: return HostPartFlaw("\(unit) cannot be loaded (\(load))", "`systemd-analyze verify \(unit)` tells why")
    }
    if let origin = origin(of: unit, besides: own) {
      return HostPartFlaw("\(unit) \(origin.clause): so it can run without a claim, on two nodes at once", origin.remedy)
    }
    guard activity == .inactive || activity == .failed, job == nil else {
      return HostPartFlaw("\(unit) runs already, and not by this workload", "`systemctl stop \(unit)`")
    }
    return nil
  }

  /// What is missing of it on this host, as a noun; nil: nothing.
  public func lack(of unit: String, besides own: Set<String>) -> String? {
    switch load {
    case "loaded": break
    case "not-found": return "the unit \(unit)"
    case "masked": return "the unit \(unit), not masked"
    default: return "the unit \(unit), loaded without errors"
    }
    return origin(of: unit, besides: own).map { "the unit \(unit) started by nobody else: it \($0.clause); \($0.remedy)" }
  }
}
