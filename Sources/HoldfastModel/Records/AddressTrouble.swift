import GuardCore

/// What a node's neighbours said when they were asked who has an address.
public enum AddressAnswer: Hashable, Sendable {
  /// All who could be asked were, and nobody said anything.
  case nobody
  /// The network card that answers for it, as `52:54:00:12:34:56`.
  case somebody(String)
  /// Nobody could be asked, or not everybody; the reason is a clause.
  case cannotTell(reason: String)
}

/// Why an address of a workload that runs on a node is not up there, as that node reports it.
public struct AddressTrouble: Hashable, Sendable, Codable {
  public var address: IPAddress
  /// The network card that answers for it, as `52:54:00:12:34:56`; nil: it is not that.
  public var takenBy: String?
  /// A clause about the address.
  public var reason: String

  public init(_ address: IPAddress, takenBy: String? = nil, reason: String) {
    self.address = address
    self.takenBy = takenBy
    self.reason = reason
  }
}
