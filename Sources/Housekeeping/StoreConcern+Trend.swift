import HoldfastModel
import HoldfastTime

/// What a store does over months: who serves it changes, it grows slow, its members lose sight of one another.
extension StorePicture {
  /// A member that is silent for longer is hardly just being restarted.
  static let longSilence: Duration = .seconds(3600)
  /// Elections within an hour from which a person is told. The restart of every member in turn takes fewer.
  static let manyElections = 6

  static func hours(_ span: Duration) -> String {
    let hours = Int(span.inSeconds / 3600)
    return hours < 48 ? "\(hours) h" : "\(hours / 24) days"
  }

  /// In this order: etcd counts a member that is gone for its quorum until it is removed, and takes a new one in its place only then.
  static func replacing(_ member: StoreMember) -> [StoreConcern.Remedy] {
    guard let id = member.id else { return [] }
    return [
      preparation,
      .init(
        "etcdctl member remove \(id)",
        "if \(member.name) is gone for good; then add its successor, as Docs/operations.md says (\"A member is lost\")")
    ]
  }

  /// Who votes.
  var membership: [StoreConcern] {
    guard health.hasLeader else { return [] }
    var concerns = health.members.filter(\.isLearner).map { member in
      StoreConcern(
        .learner(member.name), .warning,
        "The store's member \(member.name) is a learner: it has no vote, and no quorum counts it",
        remedies: [
          Self.preparation,
          .init(
            "etcdctl member promote \(member.id ?? "ID")", "give \(member.name) a vote; etcd refuses until it has caught up")
        ])
    }
    if health.members.count(where: { !$0.isLearner }) == 2 {
      concerns.append(
        StoreConcern(
          .twoVoters, .warning, "The store has two members: the loss of either stops it and freezes every workload",
          remedies: [
            Self.preparation, .init("etcdctl member list -w table", "who is there; add a third one (`etcdctl member add`)")
          ]))
    }
    return concerns
  }

  var restlessness: StoreConcern? {
    guard trend.elections >= Self.manyElections else { return nil }
    return StoreConcern(
      .restless, .warning,
      "The store's members called \(trend.elections) elections within an hour: nobody can write during each, and one that takes longer than the TTL allows freezes workloads",
      remedies: [
        .init(
          "journalctl -u etcd -p warning -n 50",
          "on each member's host: a slow disk, a busy processor, or the network between the members"),
        Self.preparation, .init("etcdctl endpoint status -w table", "whether one of them is behind the others")
      ])
  }

  var slowness: StoreConcern? {
    guard let taken = trend.slowWrite else { return nil }
    func milliseconds(_ span: Duration) -> String { "\(Int((span.inSeconds * 1000).rounded())) ms" }
    return StoreConcern(
      .slow, .warning,
      "The store takes \(milliseconds(taken)) for a write (median of 5 minutes, seen from here): with this TTL \(milliseconds(trend.soundWrite)) is the most, and more of it freezes workloads",
      remedies: [
        .init("iostat -dx 5 3", "on each member's host: etcd waits for its disk with every write"),
        .init("journalctl -u etcd -n 50 --grep 'took too long|slow fdatasync'", "what etcd itself says is slow")
      ])
  }
}
