import HoldfastModel

/// A command on one workload. Each becomes one transaction, so that a failure of one hides no other.
public enum OperatorCommand: Hashable, Sendable {
  /// To create the workload, or to make its spec this.
  case define(WorkloadName, SpecRecord)
  /// To put a domain that runs on this node under protection, without interrupting it.
  case adopt(Adoption)
  /// To take the workload out of protection: it goes on running where it runs. What it was is kept for a time from then on, in milliseconds since
  /// 1970; nil: it is not.
  case release(WorkloadName, at: Int64? = nil)
  /// To bring a released workload back, as it was: adopted where it still runs, else defined anew.
  case restore(WorkloadName, Adoption?)
  case start(WorkloadName)
  /// - Parameter atOnce: without a shutdown; one that is under way is cut short.
  case stop(WorkloadName, atOnce: Bool = false)
  /// To have its node do something with what runs there.
  case errand(IntentRecord.Errand, WorkloadName)
  case move(WorkloadName, to: NodeName)
  /// To remove shut-off definitions of its name and UUID that are left on nodes, now and when they are found later; or to leave them alone.
  case removeLeftovers(WorkloadName, Bool)
  /// What runs becomes the definition.
  case acceptRunning(Acceptance)
  /// The definition may be started, though the workload last ran on newer disks.
  case acceptStored(WorkloadName)

  public var workload: WorkloadName {
    switch self {
    case .define(let name, _), .release(let name, _), .restore(let name, _), .start(let name), .stop(let name, _),
      .errand(_, let name), .move(let name, _), .removeLeftovers(let name, _), .acceptStored(let name):
      name
    case .acceptRunning(let acceptance): acceptance.workload
    case .adopt(let adoption): WorkloadName(adoption.domain.id.name)
    }
  }

  /// The transaction that carries the command out on the cluster as `view` shows it. It is guarded on everything that the answer
  /// depends on: when the store refuses it, look again and prepare anew.
  ///
  /// - Throws: what stands against it.
  public func prepare(in view: ClusterView) throws(OperatorError) -> PreparedCommand {
    try view.requireLoaded()
    let name = workload
    if let reason = view.unreadableReason(name) {
      throw OperatorError(
        .conflict, thing: "workload \(name)", reason: "a record of it cannot be read by this build (\(reason))",
        remedy: OperatorError.wayOutOfUnreadable)
    }
    var prepared =
      switch self {
      case .define(let name, let spec): try prepareDefinition(name, spec, in: view)
      case .adopt(let adoption): try adoption.prepare(in: view)
      case .release(let name, let time): try prepareRelease(name, at: time, in: view)
      case .restore(let name, let adoption): try prepareRestoration(name, adoption, in: view)
      case .start(let name): try prepareStart(name, in: view)
      case .stop(let name, let atOnce): try prepareStop(name, atOnce: atOnce, in: view)
      case .errand(let errand, let name): try prepareErrand(errand, name, in: view)
      case .move(let name, let node): try prepareMove(name, to: node, in: view)
      case .removeLeftovers(let name, let isWanted): try prepareLeftovers(name, remove: isWanted, in: view)
      case .acceptRunning(let acceptance): try acceptance.prepare(in: view)
      case .acceptStored(let name): try prepareAcceptStored(name, in: view)
      }
    if waitsForArming(prepared, in: view) {
      prepared.text += "; the cluster is disarmed, so that begins when it is armed: `holdfast arm`"
    }
    return prepared
  }

  /// It takes a new placement, and in a disarmed cluster none is made.
  private func waitsForArming(_ prepared: PreparedCommand, in view: ClusterView) -> Bool {
    guard prepared.transaction != nil, view.disarm != nil || view.unreadable[.disarm] != nil else { return false }
    return switch self {
    case .define, .restore: prepared.effect == .created
    case .start(let name): view.placements[name]?.value.node == nil
    case .move: true
    case .adopt, .release, .stop, .errand, .removeLeftovers, .acceptRunning, .acceptStored: false
    }
  }
}

/// A command, ready to be shown or committed.
public struct PreparedCommand: Equatable, Sendable {
  public enum Effect: Hashable, Sendable {
    case created
    /// The spec's fields that change.
    case changed([String])
    /// It is so already.
    case unchanged
    case adopted
    /// The intent was changed; the cluster carries it out.
    case requested
  }
  public var workload: WorkloadName
  public var effect: Effect
  /// A sentence: what becomes of the workload.
  public var text: String
  /// nil when there is nothing to do.
  public var transaction: ClusterTransaction?
  /// The serial of a move request, by which its end is recognised.
  public var moveSerial: Int?
  /// A clause after the workload's name, for the cluster's history: the nodes that carry the command out do not know who asked. nil: nothing changes.
  public var news: String?

  public init(
    _ workload: WorkloadName, _ effect: Effect, _ text: String, transaction: ClusterTransaction? = nil, moveSerial: Int? = nil,
    news: String? = nil
  ) {
    self.workload = workload
    self.effect = effect
    self.text = text
    self.transaction = transaction
    self.moveSerial = moveSerial
    self.news = news
  }

  /// The workload gets disks, directories or addresses by it, or shares others than before.
  package var changesBelongings: Bool {
    switch effect {
    case .created, .adopted: true
    case .changed(let fields): !Set(fields).isDisjoint(with: ["xml", "underneath", "shared", "addresses"])
    case .unchanged, .requested: false
    }
  }

  /// Makes it exclude every other command that gives a workload something to itself and that was prepared on the same records: who comes second has to
  /// look again at who has what.
  package mutating func excludeOtherDefinitions(in view: ClusterView) {
    guard changesBelongings, transaction != nil else { return }
    // What cannot be read excludes nobody: it is written anew.
    if view.unreadable[.definitions] == nil {
      transaction?.conditions.append(view.asSeen(.definitions, view.definitions))
    }
    // The last of all writes: who hears of it has heard of the definition.
    transaction?.writes.append(.put(.definitions, .definitions(DefinitionsRecord(last: workload))))
  }

  /// The line of history about it; nil: there is none to write.
  ///
  /// - Parameters:
  ///   - who: who asked, such as `user 0`.
  ///   - files: where the definition was read from; nil: it is not known.
  public func note(askedBy who: String, files: String?) -> Note? {
    news.map { Note(.defined, "\(workload) \($0) (\(who)\(files.map { ", from \($0)" } ?? ""))", workload: workload) }
  }
}
