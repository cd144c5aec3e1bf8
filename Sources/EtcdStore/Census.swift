import HoldfastModel
import Housekeeping

/// The members of the etcd cluster as one look after the other shows them: who is behind which endpoint is remembered, so that one that
/// does not answer any more is still called by its name.
struct Census {
  /// What one endpoint gave.
  enum Answer {
    case status(Etcdserverpb_StatusResponse)
    /// It answered, and does not tell its status to us.
    case withheld
    case silent(reason: String)
  }

  private let endpoints: [Endpoint]
  /// Bytes; nil: none.
  private let configuredQuota: Int64?
  private var members: [Etcdserverpb_Member] = []
  /// By endpoint: whose it is.
  private var owners: [Int: UInt64] = [:]
  /// The cluster that answered first: the members of another one are none of this one's.
  private var clusterID: UInt64?

  init(_ endpoints: [Endpoint], quota: Int64?) {
    self.endpoints = endpoints
    configuredQuota = quota
  }

  /// - Parameters:
  ///   - answers: one for each endpoint.
  ///   - listed: the cluster's members, as one of them told; nil: none told.
  mutating func take(_ answers: [Answer], listed: [Etcdserverpb_Member]?) -> StoreHealth {
    if let listed, !listed.isEmpty { members = listed }
    let answers = ofThisCluster(answers)
    for (index, answer) in answers.enumerated() {
      if case .status(let status) = answer { owners[index] = status.header.memberID }
    }
    nameOwners()
    let statuses = answers.compactMap { if case .status(let status) = $0 { status } else { nil } }
    let leader = statuses.max { $0.raftTerm < $1.raftTerm }?.leader ?? 0
    var health = StoreHealth(members: members.map { member($0, answers, leader: leader) })
    if members.isEmpty { health.members = answers.indices.map { endpointAlone($0, answers, leader: leader) } }
    health.members.sort { $0.name < $1.name }
    health.term = statuses.map(\.raftTerm).max()
    health.revision = statuses.map { $0.header.revision }.max().map { Revision($0) }
    health.quota = quota(statuses)
    health.alarms = alarms(statuses)
    return health
  }

  private mutating func ofThisCluster(_ answers: [Answer]) -> [Answer] {
    var sorted: [Answer] = []
    for answer in answers {
      guard case .status(let status) = answer else {
        sorted.append(answer)
        continue
      }
      let own = clusterID ?? status.header.clusterID
      clusterID = own
      sorted.append(status.header.clusterID == own ? answer : .silent(reason: "it belongs to another etcd cluster"))
    }
    return sorted
  }

  /// Finds whose those endpoints are that never answered.
  private mutating func nameOwners() {
    for (index, endpoint) in endpoints.enumerated() where owners[index] == nil {
      owners[index] = members.first { $0.clientUrls.contains { endpoint.isAt($0) } }?.id
    }
    let orphans = endpoints.indices.filter { owners[$0] == nil }
    let unowned = members.filter { !owners.values.contains($0.id) }
    if orphans.count == 1, unowned.count == 1 { owners[orphans[0]] = unowned[0].id }
  }

  private func member(_ member: Etcdserverpb_Member, _ answers: [Answer], leader: UInt64) -> StoreMember {
    // Of several endpoints of one member, one that answers.
    let own = answers.indices.filter { owners[$0] == member.id }
    let best = own.first { if case .silent = answers[$0] { false } else { true } } ?? own.first
    var described = describe(best, answers, leader: leader)
    if !member.name.isEmpty { described.name = member.name } else if best == nil { described.name = "\(hex(member.id))" }
    described.id = hex(member.id)
    described.isLearner = member.isLearner
    described.isLeader = leader == member.id
    return described
  }

  private func endpointAlone(_ index: Int, _ answers: [Answer], leader: UInt64) -> StoreMember {
    var described = describe(index, answers, leader: leader)
    described.isLeader = leader != 0 && owners[index] == leader
    return described
  }

  private func describe(_ index: Int?, _ answers: [Answer], leader: UInt64) -> StoreMember {
    guard let index else { return StoreMember(name: "", standing: .unasked) }
    let endpoint = "\(endpoints[index])"
    switch answers[index] {
    case .silent(let reason): return StoreMember(name: endpoint, endpoint: endpoint, standing: .silent(reason: reason))
    case .withheld: return StoreMember(name: endpoint, endpoint: endpoint, standing: .answers)
    case .status(let status):
      return StoreMember(
        name: endpoint, endpoint: endpoint, standing: status.leader == 0 ? .leaderless : .answers, isLearner: status.isLearner,
        size: status.dbSize, sizeInUse: status.dbSizeInUse, version: status.version)
    }
  }

  /// What a member tells of its own comes first; the smallest is reached first.
  private func quota(_ statuses: [Etcdserverpb_StatusResponse]) -> Int64? {
    let told = statuses.map { $0.dbSizeQuota }.filter { $0 != 0 }
    if told.isEmpty { return configuredQuota }
    return told.filter { $0 > 0 }.min()
  }

  /// Alarms stand in a member's status as text, such as `memberID:9368506742490709939 alarm:NOSPACE`.
  ///
  /// Not asked for by etcd's own request for them: that goes through the cluster's log like a write, and waits in vain where there is no
  /// quorum.
  private func alarms(_ statuses: [Etcdserverpb_StatusResponse]) -> [StoreAlarm] {
    var alarms: Set<StoreAlarm> = []
    for text in statuses.flatMap(\.errors) {
      var fields: [Substring: Substring] = [:]
      for word in text.split(whereSeparator: { $0 == " " || $0 == "," }) {
        let parts = word.split(separator: ":", maxSplits: 1)
        if parts.count == 2 { fields[parts[0]] = parts[1] }
      }
      guard let name = fields["alarm"] else { continue }
      let id = fields["memberID"].flatMap { UInt64($0) }
      let member = id.map { id in members.first { $0.id == id }.flatMap { $0.name.isEmpty ? nil : $0.name } ?? hex(id) }
      switch name {
      case "NOSPACE": alarms.insert(StoreAlarm(.noSpace, member: member))
      case "CORRUPT": alarms.insert(StoreAlarm(.corrupt, member: member))
      default: alarms.insert(StoreAlarm(.other(String(name)), member: member))
      }
    }
    return alarms.sorted { ($0.member ?? "", "\($0.kind)") < ($1.member ?? "", "\($1.kind)") }
  }

  /// As etcdctl writes a member's number.
  private func hex(_ id: UInt64) -> String { String(id, radix: 16) }
}

extension Endpoint {
  /// Whether a member's client URL is this endpoint.
  func isAt(_ url: String) -> Bool {
    guard let other = try? Endpoint(url) else { return false }
    return (isSecure, host, port) == (other.isSecure, other.host, other.port)
  }
}
