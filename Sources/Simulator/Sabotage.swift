/// Errors put in on purpose, from outside the core and the guard: each must be found by the invariants.
public struct Sabotage: OptionSet, Sendable {
  public let rawValue: Int
  public init(rawValue: Int) { self.rawValue = rawValue }

  /// The guard says that everything is frozen, and nothing is.
  public static let guardDoesNotFreeze = Sabotage(rawValue: 1 << 0)
  /// The deadline is counted from the reply.
  public static let deadlineFromReply = Sabotage(rawValue: 1 << 1)
  /// A session is declared expired some time before it is.
  public static let earlyExpiry = Sabotage(rawValue: 1 << 2)
  /// Clocks drift, and nobody allows for it.
  public static let driftIgnored = Sabotage(rawValue: 1 << 3)
  /// A claim is taken without looking whether its holder's session still stands.
  public static let claimWithoutLooking = Sabotage(rawValue: 1 << 4)
  /// What lost its claim is not killed before everything is thawed.
  public static let noKillBeforeThaw = Sabotage(rawValue: 1 << 5)
  /// A renewal that was not answered is taken for one that succeeded.
  public static let silenceIsConsent = Sabotage(rawValue: 1 << 6)
  /// A hypervisor that does not answer is taken for one without domains.
  public static let unreachableIsEmpty = Sabotage(rawValue: 1 << 7)
  /// A controller that loses its guard stops nothing.
  public static let guardLossIgnored = Sabotage(rawValue: 1 << 8)
  /// A guard that starts anew does not know what the one before it knew.
  public static let guardForgets = Sabotage(rawValue: 1 << 9)
  /// A reply to a transaction on a claim is taken for success even when the store refused it.
  public static let refusalIgnored = Sabotage(rawValue: 1 << 10)

  /// Each by name, for tables.
  public static let all: [(name: String, sabotage: Sabotage)] = [
    ("guardDoesNotFreeze", .guardDoesNotFreeze), ("deadlineFromReply", .deadlineFromReply), ("earlyExpiry", .earlyExpiry),
    ("driftIgnored", .driftIgnored), ("claimWithoutLooking", .claimWithoutLooking), ("noKillBeforeThaw", .noKillBeforeThaw),
    ("silenceIsConsent", .silenceIsConsent), ("unreachableIsEmpty", .unreachableIsEmpty),
    ("guardLossIgnored", .guardLossIgnored), ("guardForgets", .guardForgets), ("refusalIgnored", .refusalIgnored)
  ]
}
