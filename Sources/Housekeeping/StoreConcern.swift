import HoldfastModel

/// Something about the store that a person should know before it hurts, or because it does.
public struct StoreConcern: Hashable, Sendable {
  public enum Weight: Hashable, Comparable, Sendable {
    /// The store serves; something is not as it should be.
    case warning
    /// The store does not serve as it must: workloads are frozen, or will be within the TTL.
    case outage
  }
  /// What it is about, whatever the figures: it is told when it begins and when it is over.
  public enum Topic: Hashable, Comparable, Sendable {
    case full, corrupt, leaderless, memberSilent(String), nearlyFull, filling, notCompacted, otherAlarm(String)
    case certificateEnds(String)
    /// Its members elect a leader again and again.
    case restless
    case slow
    case learner(String)
    /// The loss of either of two members stops it.
    case twoVoters

    /// What is said when it is over.
    public var end: String {
      switch self {
      case .full: "The store has room again and takes writes"
      case .corrupt: "The store's alarm CORRUPT is disarmed"
      case .leaderless: "The store has a leader again"
      case .memberSilent(let name): "The store's member \(name) answers again"
      case .nearlyFull: "The store takes less than \(Int(StorePicture.nearlyFullShare * 100)) % of its quota again"
      case .filling: "The store takes less than \(Int(StorePicture.fillingShare * 100)) % of its quota again"
      case .notCompacted: "The store forgets its old history again"
      case .otherAlarm(let name): "The store's alarm \(name) is disarmed"
      case .restless: "The store's members elect no new leader any more"
      case .slow: "The store's writes are quick again"
      case .learner(let name): "The store's member \(name) is no learner any more"
      case .twoVoters: "The store has another number of members than two"
      case .certificateEnds(let path): "The certificate \(path) is not near its end any more"
      }
    }

    /// It is not over: the other one, which is worse, has taken its place.
    public func givesWay(to other: Topic) -> Bool {
      switch (self, other) {
      case (.filling, .nearlyFull), (.filling, .full), (.nearlyFull, .full), (.memberSilent, .leaderless): true
      default: false
      }
    }
  }
  /// Something to type about it.
  public struct Remedy: Hashable, Sendable {
    public var command: String
    /// What for.
    public var purpose: String
    /// The member on whose host it is to be typed; nil: any host with the store's certificates.
    public var member: String?
    /// It is about the host that tells it, and is to be typed there.
    public var isHere: Bool

    public init(_ command: String, _ purpose: String, on member: String? = nil, isHere: Bool = false) {
      self.command = command
      self.purpose = purpose
      self.member = member
      self.isHere = isHere
    }
  }
  public var topic: Topic
  public var weight: Weight
  /// A sentence without its full stop: the thing, the reason.
  public var text: String
  public var remedies: [Remedy]

  public init(_ topic: Topic, _ weight: Weight, _ text: String, remedies: [Remedy] = []) {
    self.topic = topic
    self.weight = weight
    self.text = text
    self.remedies = remedies
  }
}

/// What a node knows of the store's health: its last look, and what became of its own care for it.
public struct StorePicture: Hashable, Sendable {
  public var health: StoreHealth
  /// When this node looked, in milliseconds since 1970 on its wall clock.
  public var at: Int64
  /// Why the store did not forget its old history when this node asked it to; nil: it did, or was not asked.
  public var compactionFlaw: String?
  /// The store is full, and this node has made it forget all the history that nobody needs.
  public var isCompacted: Bool
  /// Of the last hour.
  public var trend: StoreTrend

  public init(
    _ health: StoreHealth, at: Int64, compactionFlaw: String? = nil, isCompacted: Bool = false, trend: StoreTrend = StoreTrend()
  ) {
    self.health = health
    self.at = at
    self.trend = trend
    self.compactionFlaw = compactionFlaw
    self.isCompacted = isCompacted
  }
}

extension StorePicture {
  /// Shares of the quota from which a person is told.
  public static let fillingShare = 0.5
  public static let nearlyFullShare = 0.8

  /// Gives etcdctl the endpoints and certificates of this node's configuration.
  static let preparation = StoreConcern.Remedy("eval \"$(holdfastd --etcdctl)\"", "tell etcdctl where the store is")

  /// Everything that is not as it should be, the worst first.
  public var concerns: [StoreConcern] {
    let all =
      alarms + leadership + silentMembers + fullness + compaction + certificates + membership
      + [restlessness, slowness]
      .compactMap { $0 }
    return all.sorted { ($1.weight, $0.topic) < ($0.weight, $1.topic) }
  }

  private var alarms: [StoreConcern] {
    Set(health.alarms.map(\.kind)).map { kind in
      let members = health.alarms.filter { $0.kind == kind }.compactMap(\.member).sorted()
      let place = members.isEmpty ? "" : " on \(InWords.list(members, most: 3))"
      switch kind {
      case .noSpace:
        return StoreConcern(
          .full, .outage,
          "The store is full (alarm NOSPACE\(place)): it takes no renewals, so every node freezes its workloads until it has room",
          remedies: waysOutOfFullness)
      case .corrupt:
        return StoreConcern(
          .corrupt, .outage, "The store says that its members hold different data (alarm CORRUPT\(place))",
          remedies: [Self.preparation, .init("etcdctl endpoint hashkv", "which member differs; replace that one")])
      case .other(let name):
        return StoreConcern(
          .otherAlarm(name), .warning, "The store has raised the alarm \(name)\(place)",
          remedies: [Self.preparation, .init("etcdctl alarm list", "what the alarm says")])
      }
    }
  }

  /// In this order: what is forgotten is given back by defragmentation only, and an alarm that is disarmed before comes again.
  private var waysOutOfFullness: [StoreConcern.Remedy] {
    var remedies = [Self.preparation]
    if let revision = health.revision, !isCompacted {
      remedies.append(.init("etcdctl compaction \(revision.value)", "forget the old history"))
    }
    return remedies + [
      .init(defragmentation, "give back the room, one member after the other"),
      .init("etcdctl alarm disarm", "let the store write again")
    ]
  }

  /// etcdctl waits its whole time for a member that does not answer, and what comes after it waits as well: only those that answer are named then.
  private var defragmentation: String {
    let command = "etcdctl --command-timeout=5m defrag", members = health.members
    let there = members.filter(\.isThere).compactMap(\.endpoint)
    let isAnySilent = members.contains { if case .silent = $0.standing { $0.endpoint != nil } else { false } }
    return isAnySilent && !there.isEmpty ? "ETCDCTL_ENDPOINTS=\(there.joined(separator: ",")) \(command)" : command
  }

  private var leadership: [StoreConcern] {
    guard !health.hasLeader, !health.members.isEmpty else { return [] }
    let there = health.members.count(where: \.isThere), votes = voters.count
    let silent = health.members.filter { if case .silent = $0.standing { true } else { false } }
    if let cutOff = perhapsCutOff(silent) { return [cutOff] }
    guard !silent.isEmpty || there == 0 else {
      return [StoreConcern(.leaderless, .outage, "The store has no leader, though all its members that were asked answer")]
    }
    return [
      StoreConcern(
        .leaderless, .outage,
        "The store has no leader: \(there) of \(votes) members answer, \(votes / 2 + 1) are needed",
        remedies: silent.prefix(2).map(Self.lookAt))
    ]
  }

  /// Every member on another host is silent, and none of them refused: what that host shares with all of them is more likely at fault than each of them.
  private func perhapsCutOff(_ silent: [StoreMember]) -> StoreConcern? {
    let others = health.members.filter { !$0.isHere && $0.standing != .unasked }
    guard let first = others.first, others.allSatisfy(\.isUnreached) else { return nil }
    let what =
      others.count == health.members.count
      ? others.count == 1
        ? "The store's member \(first.name) does not answer" : "None of the store's \(others.count) members answers"
      : "None of the store's members on other hosts answers"
    let reason = if case .silent(let words) = first.standing { " (\(words))" } else { "" }
    let pinged = first.host.map { host in
      Remedy(
        "ping -c 3 \(host)",
        "whether this host reaches that of the store's member \(first.name); if so, `systemctl status etcd` there", isHere: true
      )
    }
    return StoreConcern(
      .leaderless, .outage, "\(what)\(reason): this host may be cut off from the network",
      remedies: [.init("ip -br addr", "whether this host's own links are up, with their addresses", isHere: true)]
        + (pinged.map { [$0] } ?? []) + silent.filter(\.isHere).map(Self.lookAt))
  }

  private typealias Remedy = StoreConcern.Remedy

  private var voters: [StoreMember] { health.members.filter { !$0.isLearner } }

  private var silentMembers: [StoreConcern] {
    guard health.hasLeader else { return [] }
    let silent = health.members.filter { if case .silent = $0.standing { true } else { false } }
    let spare = voters.count - silent.count(where: { !$0.isLearner }) - (voters.count / 2 + 1)
    let rest =
      switch spare {
      case ..<1: "the next loss stops the store and freezes every workload"
      case 1: "one more may be lost"
      default: "\(spare) more may be lost"
      }
    return silent.compactMap { member in
      guard case .silent(let reason) = member.standing else { return nil }
      let place = member.endpoint.map { $0 == member.name ? "" : " (\($0))" } ?? ""
      let silence = trend.silences[member.name].flatMap { $0 >= Self.longSilence ? $0 : nil }
      let what = silence.map { "has not answered for \(Self.hours($0)) (\(reason))" } ?? "does not answer (\(reason))"
      return StoreConcern(
        .memberSilent(member.name), .warning, "The store's member \(member.name)\(place) \(what): \(rest)",
        remedies: [Self.lookAt(member)] + (silence == nil ? [] : Self.replacing(member)))
    }
  }

  private static func lookAt(_ member: StoreMember) -> StoreConcern.Remedy {
    .init("systemctl status etcd", "why the store's member \(member.name) does not answer", on: member.name)
  }

  private var fullness: [StoreConcern] {
    // The alarm says it already.
    guard !health.isFull, let share = health.share, share >= Self.fillingShare else { return [] }
    guard let size = health.size, let quota = health.quota else { return [] }
    let inUse = health.sizeInUse.map { ", \(Self.bytes($0)) of it in use" } ?? ""
    let taken = "\(Int(share * 100)) % of its quota (\(Self.bytes(size)) of \(Self.bytes(quota))\(inUse))"
    let isLoose = health.sizeInUse.map { $0 * 2 < size } ?? false
    let remedies = [
      Self.preparation,
      isLoose
        ? StoreConcern.Remedy(defragmentation, "give back the room; each member answers nobody meanwhile")
        : .init("etcdctl endpoint status -w table", "what each member holds; raise --quota-backend-bytes if it must")
    ]
    if share < Self.nearlyFullShare {
      return [StoreConcern(.filling, .warning, "The store takes \(taken)", remedies: remedies)]
    }
    return [
      StoreConcern(
        .nearlyFull, .warning, "The store takes \(taken): when it is full, every node freezes its workloads", remedies: remedies
      )
    ]
  }

  private var certificates: [StoreConcern] {
    health.certificates.compactMap { certificate in
      guard let warning = certificate.warning(at: at) else { return nil }
      return switch certificate.kind {
      case .client: concern("The certificate by which this node is known to the store", certificate, warning)
      case .authority: concern("The certificate of the store's authority", certificate, warning)
      case .member: memberConcern(certificate, warning)
      case .peer: peerConcern(certificate, warning)
      }
    }
  }

  private func memberConcern(_ certificate: StoreCertificate, _ warning: String) -> StoreConcern {
    let member = health.members.first { $0.endpoint == certificate.path }
    return StoreConcern(
      .certificateEnds(certificate.path), .warning,
      "The certificate that the store's member \(member?.name ?? certificate.path) shows (\(certificate.path)) \(warning): "
        + (certificate.hasEnded(at: at)
          ? "no node's lost connection to it comes back" : "after that no node's lost connection to it comes back"),
      remedies: [Self.newCertificate(at: certificate, on: member?.name)])
  }

  private func peerConcern(_ certificate: StoreCertificate, _ warning: String) -> StoreConcern {
    StoreConcern(
      .certificateEnds(certificate.path), .warning,
      "The certificate that a member of the store shows to the others (\(certificate.path)) \(warning): "
        + (certificate.hasEnded(at: at)
          ? "their lost connections to it do not come back" : "after that their lost connections to it do not come back")
        + ", and without most of them the store takes no writes",
      remedies: [Self.newCertificate(at: certificate, on: nil)])
  }

  private static func newCertificate(at certificate: StoreCertificate, on member: String?) -> StoreConcern.Remedy {
    let place = certificate.path.replacing("https://", with: "", maxReplacements: 1).prefix { $0 != "/" }
    return .init(
      "openssl s_client -connect \(place) </dev/null | openssl x509 -noout -subject -enddate",
      "which one it is; put a new one, with its key, in its place there: etcd takes it for the next connection", on: member)
  }

  private func concern(_ name: String, _ certificate: StoreCertificate, _ warning: String) -> StoreConcern {
    let hasEnded = certificate.hasEnded(at: at)
    let effect =
      hasEnded
      ? "a connection to the store that is lost does not come back, and then this node freezes its workloads"
      : "after that no connection to the store comes about, and this node freezes its workloads"
    return StoreConcern(
      .certificateEnds(certificate.path), hasEnded ? .outage : .warning, "\(name) (\(certificate.path)) \(warning): \(effect)",
      remedies: [
        .init(
          "openssl x509 -noout -subject -enddate -in \(certificate.path)",
          "which one it is; put a new one, with its key, in its place"),
        .init("systemctl reload holdfastd", "use the new one before the old one ends; no workload is touched")
      ])
  }

  private var compaction: [StoreConcern] {
    guard let compactionFlaw else { return [] }
    return [
      StoreConcern(
        .notCompacted, .warning, "The store does not forget its old history, and so fills up: \(compactionFlaw)",
        remedies: [
          .init("journalctl -u holdfastd -n 20", "what the store answered; etcd's --auto-compaction-retention=1h does the same")
        ])
    ]
  }

  /// For people: `1.2 GiB`, `3.4 MiB`.
  public static func bytes(_ count: Int64) -> String {
    let mebibytes = Double(count) / 1_048_576
    return mebibytes < 1024 ? "\(InWords.tenths(mebibytes)) MiB" : "\(InWords.tenths(mebibytes / 1024)) GiB"
  }
}
