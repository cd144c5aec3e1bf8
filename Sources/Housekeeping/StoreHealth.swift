import HoldfastModel

/// What one look at the store showed: who serves it, how full it is, what it complains of.
public struct StoreHealth: Hashable, Sendable {
  /// The members of the store's cluster, by name. A store in this process has one.
  public var members: [StoreMember]
  /// The newest revision that a member told of; nil: none told.
  public var revision: Revision?
  /// Bytes beyond which the store takes no writes; nil: not known, or without limit.
  public var quota: Int64?
  /// What the store itself has raised and keeps up until somebody takes it down.
  public var alarms: [StoreAlarm]
  /// The certificates by which this node and the store know each other.
  public var certificates: [StoreCertificate] = []
  /// Grows with every election of a leader; nil: no member told.
  public var term: UInt64?
  /// Of this node's last requests; nil: it made none, or they are not measured.
  public var writes: WriteTimes?

  public init(members: [StoreMember], revision: Revision? = nil, quota: Int64? = nil, alarms: [StoreAlarm] = []) {
    self.members = members
    self.revision = revision
    self.quota = quota
    self.alarms = alarms
  }

  /// The member that leads; nil: there is none, or it is not among those that this node knows.
  public var leader: StoreMember? { members.first(where: \.isLeader) }

  /// A member answers and knows a leader: the store serves those who ask that one.
  public var hasLeader: Bool { members.contains { $0.standing == .answers } }

  /// Bytes on the disk of the member that has the most: it reaches the quota first.
  public var size: Int64? { members.compactMap(\.size).max() }

  /// Bytes of these that hold something. The others are used again before the store grows; only defragmentation gives them back.
  public var sizeInUse: Int64? { members.max { ($0.size ?? 0) < ($1.size ?? 0) }?.sizeInUse }

  /// The share of the quota that is taken; nil: not known.
  public var share: Double? {
    guard let size, let quota, quota > 0 else { return nil }
    return Double(size) / Double(quota)
  }

  /// The store is beyond its quota: it takes what deletes and nothing that writes.
  public var isFull: Bool { alarms.contains { $0.kind == .noSpace } }
}

/// One server of the store.
public struct StoreMember: Hashable, Sendable {
  public enum Standing: Hashable, Sendable {
    case answers
    /// It answers and knows no leader: it serves nobody.
    case leaderless
    case silent(reason: String)
    /// This node has no endpoint of it.
    case unasked
  }
  /// As the store's cluster calls it; its endpoint where that is not known.
  public var name: String
  /// By which the store's own commands know it; nil: not known.
  public var id: String?
  /// Where this node asks it; nil: nowhere.
  public var endpoint: String?
  public var standing: Standing
  public var isLeader: Bool
  /// It follows, and has no vote yet.
  public var isLearner: Bool
  /// Bytes on its disk; nil: it did not tell.
  public var size: Int64?
  /// Bytes of these that hold something; nil: it did not tell.
  public var sizeInUse: Int64?
  public var version: String?
  /// It runs on the host that looks.
  public var isHere = false

  public init(
    name: String, endpoint: String? = nil, standing: Standing, isLeader: Bool = false, isLearner: Bool = false,
    size: Int64? = nil, sizeInUse: Int64? = nil, version: String? = nil
  ) {
    self.name = name
    self.endpoint = endpoint
    self.standing = standing
    self.isLeader = isLeader
    self.isLearner = isLearner
    self.size = size
    self.sizeInUse = sizeInUse
    self.version = version
  }

  /// It is silent, and nothing says that its host was reached: who refuses a connection, or shows a certificate, is there.
  package var isUnreached: Bool {
    guard case .silent(let reason) = standing else { return false }
    let text = reason.lowercased()
    return !["refused", "certificate", "another etcd cluster", "not asked"].contains(where: text.contains)
  }

  /// The host of its endpoint; nil: not known.
  package var host: String? {
    guard let endpoint, let scheme = endpoint.firstRange(of: "://") else { return nil }
    let authority = endpoint[scheme.upperBound...].prefix { $0 != "/" }
    let host =
      authority.first == "["
      ? authority.dropFirst().prefix { $0 != "]" } : authority.lastIndex(of: ":").map { authority[..<$0] } ?? authority
    return host.isEmpty ? nil : String(host)
  }

  /// It answers, with a leader or without.
  public var isThere: Bool { standing == .answers || standing == .leaderless }
}

/// What the store has raised about one of its members.
public struct StoreAlarm: Hashable, Sendable {
  public enum Kind: Hashable, Sendable {
    /// A member was beyond the quota: nothing is written anywhere until the alarm is disarmed.
    case noSpace
    /// A member holds other data than the others.
    case corrupt
    /// As the store calls it.
    case other(String)
  }
  public var kind: Kind
  /// nil: not known.
  public var member: String?

  public init(_ kind: Kind, member: String? = nil) {
    self.kind = kind
    self.member = member
  }
}
