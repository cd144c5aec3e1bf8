import HoldfastModel
import Housekeeping

/// The store as one node saw it last, as the status tells it.
public struct StoreInfo: Hashable, Sendable, Codable {
  public struct Member: Hashable, Sendable, Codable {
    public enum State: String, Hashable, Sendable, Codable {
      case up
      /// The member answers and knows no leader: it serves nobody.
      case leaderless
      case down
      /// The node that tells this has no endpoint of it.
      case unknown
    }
    public var name: String
    /// By which etcdctl knows it; absent when it is not known.
    public var id: String?
    /// Where the node asks it; absent where it has no endpoint of it.
    public var endpoint: String?
    public var state: State
    /// Why it is down; absent when it is not.
    public var reason: String?
    public var isLeader: Bool
    /// The member follows, and has no vote yet.
    public var isLearner: Bool
    /// Bytes on its disk, and how many of them hold something; absent when it did not tell.
    public var size: Int64?
    public var sizeInUse: Int64?
    public var version: String?
  }
  /// Sorted by name.
  public var members: [Member]
  /// The member that leads; absent when there is none, or it is not known.
  public var leader: String?
  /// Bytes of the member that has the most.
  public var size: Int64?
  public var sizeInUse: Int64?
  /// Bytes beyond which the store takes no writes; absent when it is not known.
  public var quota: Int64?
  /// The alarms that are raised, such as `NOSPACE` or `CORRUPT`, sorted.
  public var alarms: [String]
  /// The newest revision; absent when no member told.
  public var revision: Int64?
  /// When the node looked.
  public var seen: WallInstant
  /// The certificates by which that node and the store know each other; absent where there are none.
  public var certificates: [Certificate]?
  /// How often the members called an election within the last hour, as far as that node has looked; absent: an older build does not tell.
  public var elections: Int?
  /// Milliseconds that a write of that node's took, the median of five minutes; absent when nothing was measured.
  public var writeTime: Double?

  public struct Certificate: Hashable, Sendable, Codable {
    /// `client`: the node's own; `authority`: who has signed the members' certificates; `member`: what a member shows.
    public var kind: String
    /// The file; of a member, its endpoint.
    public var path: String
    /// Until when it serves.
    public var ends: WallInstant
  }
}

extension StoreInfo {
  init(_ picture: StorePicture) {
    let health = picture.health
    self.init(
      members: health.members.map { Member($0) }, leader: health.leader?.name, size: health.size, sizeInUse: health.sizeInUse,
      quota: health.quota, alarms: Set(health.alarms.map(\.kind.text)).sorted(), revision: health.revision?.value,
      seen: WallInstant(picture.at),
      certificates: health.certificates.isEmpty
        ? nil : health.certificates.map { Certificate(kind: $0.kind.rawValue, path: $0.path, ends: WallInstant($0.ends)) },
      elections: picture.trend.elections, writeTime: health.writes?.medianMilliseconds)
  }
}

extension StoreInfo.Member {
  init(_ member: StoreMember) {
    let state: State
    var reason: String?
    switch member.standing {
    case .answers: state = .up
    case .leaderless: state = .leaderless
    case .silent(let why): (state, reason) = (.down, why)
    case .unasked: state = .unknown
    }
    self.init(
      name: member.name, id: member.id, endpoint: member.endpoint, state: state, reason: reason, isLeader: member.isLeader,
      isLearner: member.isLearner, size: member.size, sizeInUse: member.sizeInUse, version: member.version)
  }
}

extension StoreAlarm.Kind {
  /// As etcd calls it.
  var text: String {
    switch self {
    case .noSpace: "NOSPACE"
    case .corrupt: "CORRUPT"
    case .other(let name): name
    }
  }
}
