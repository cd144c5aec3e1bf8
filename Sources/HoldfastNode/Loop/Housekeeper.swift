import HoldfastModel
import HoldfastPorts
import HoldfastTime
import Housekeeping
import LinuxBasics
import Logging

/// Looks after the store beside the controller: how its members are, how full it is, and that it forgets its old history.
///
/// It has the store's calls to itself and nobody waits for it: the last picture is there at once for who asks.
package actor Housekeeper {
  /// From one look to the next. Short enough that a member that is lost is told of within a quarter of a minute, and rare enough to cost nothing.
  package static let usualInterval: Duration = .seconds(10)
  /// How long a member may take to answer a look.
  private static let lookTimeout: Duration = .seconds(2)
  /// How long the store may take to forget its history.
  private static let compactionTimeout: Duration = .seconds(5)

  /// What the controller beside it knows.
  package struct Standing: Hashable, Sendable {
    /// This node is the planner, as far as it knows.
    package var isPlanner: Bool
    /// What this node's watch has seen; nil: it has not begun.
    package var watched: Revision?

    package init(isPlanner: Bool, watched: Revision?) {
      self.isPlanner = isPlanner
      self.watched = watched
    }

    /// The planner's record stands as long as nobody else takes the role, whether or not the session behind it is valid: forgetting
    /// what is old needs no right, only somebody who does it.
    init(_ view: ClusterView, of node: NodeName) {
      self.init(isPlanner: view.planner?.value.node == node, watched: view.isLoaded ? view.revision : nil)
    }
  }

  private let store: any StoreHousekeeping
  private var retention: HistoryRetention
  private var course: StoreCourse
  private let standing: @Sendable () async -> Standing
  /// Tells the cluster's history.
  private let tell: @Sendable (Note) async -> Void
  /// Whether a member runs on this host.
  private let isHere: @Sendable (StoreMember) -> Bool
  private let logger: Logger
  /// What was told and is not over.
  private var told: Set<StoreConcern.Topic> = []
  private var compactionFlaw: String?
  /// The last look; nil: there was none.
  package private(set) var picture: StorePicture?

  /// - Parameters:
  ///   - kept: how much of the store's history is kept.
  ///   - ttl: of this node's session: what a slow store is follows from it.
  ///   - standing: asked before every compaction.
  ///   - tell: writes a line of the cluster's history.
  ///   - isHere: whether a member runs on this host.
  package init(
    _ store: any StoreHousekeeping, keeping kept: Duration = HistoryRetention.usual, ttl: Duration = Timing().ttl,
    standing: @escaping @Sendable () async -> Standing, tell: @escaping @Sendable (Note) async -> Void,
    isHere: @escaping @Sendable (StoreMember) -> Bool = { _ in false }, logger: Logger
  ) {
    self.store = store
    self.standing = standing
    self.tell = tell
    self.isHere = isHere
    self.logger = logger
    retention = HistoryRetention(keeping: kept)
    course = StoreCourse(ttl: ttl)
  }

  /// Looks until its task is cancelled.
  package func run() async {
    await inRounds(every: min(Self.usualInterval, retention.spacing)) { await look(at: BootClock.now) }
  }

  /// One look, what follows from it, and what is said about it.
  package func look(at now: BootInstant) async {
    var health = await store.health(timeout: Self.lookTimeout)
    for index in health.members.indices { health.members[index].isHere = isHere(health.members[index]) }
    guard !Task.isCancelled else { return }
    if let revision = health.revision { retention.saw(revision, at: now) }
    let standing = await standing()
    await forget(at: now, standing, isFull: health.isFull)
    let isCompacted = health.isFull && standing.watched != nil && due(at: now, standing, isFull: true) == nil
    let picture = StorePicture(
      health, at: wallTime(), compactionFlaw: compactionFlaw, isCompacted: isCompacted, trend: course.saw(health, at: now))
    self.picture = picture
    // Who has not read the records yet does not know whether it is the planner: what it says would count as told, and be told to nobody.
    if standing.watched != nil { await say(picture.concerns, isPlanner: standing.isPlanner) }
  }

  private func due(at now: BootInstant, _ standing: Standing, isFull: Bool) -> Revision? {
    retention.due(at: now, watched: standing.watched, isPlanner: standing.isPlanner, isFull: isFull)
  }

  private func forget(at now: BootInstant, _ standing: Standing, isFull: Bool) async {
    guard let revision = due(at: now, standing, isFull: isFull) else { return }
    retention.asks(at: now)
    do throws(StoreError) {
      try await store.compact(upTo: revision, timeout: Self.compactionTimeout)
      retention.forgot(upTo: revision)
      compactionFlaw = nil
      logger.info("the store forgets its history", metadata: ["upTo": "\(revision.value)"])
    } catch {
      // A store that is away is told of elsewhere, and asked again.
      if case .rejected = error { compactionFlaw = "\(error)" }
      logger.warning("the store did not forget its history", metadata: ["upTo": "\(revision.value)", "reason": "\(error)"])
    }
  }

  /// Says what began and what is over: in this node's log, and, where it is the planner, in the cluster's history.
  private func say(_ concerns: [StoreConcern], isPlanner: Bool) async {
    let present = Set(concerns.map(\.topic))
    var notes: [Note] = []
    for concern in concerns where !told.contains(concern.topic) {
      notes.append(Note(.storeLost, concern.text, severity: concern.weight == .outage ? .error : .warning))
    }
    for topic in told.subtracting(present).sorted() where !present.contains(where: topic.givesWay) {
      notes.append(Note(.storeBack, topic.end))
    }
    told = present
    for note in notes {
      logger.log(level: note.severity == .error ? .error : note.severity == .warning ? .warning : .notice, "\(note.text)")
      if isPlanner { await tell(note) }
    }
  }
}
