import HoldfastCore

/// The store: applies every transaction at one instant, and tells the watchers.
final class SimulatedStore {
  enum Service: String {
    case serving
    /// Requests are swallowed: nobody gets an answer.
    case silent
    /// Requests are refused as a whole.
    case refusing
  }

  private unowned let world: World
  private let dice: Dice
  private(set) var model = StoreModel<RecordKey, Record>()
  private(set) var service = Service.serving
  /// Milliseconds that a request takes inside the store.
  var pace: ClosedRange<Double> = 0.3...1.5
  private var watchers: [Watcher] = []
  private(set) var requests = 0

  init(_ world: World, dice: Dice) {
    self.world = world
    self.dice = dice
  }

  func serve(_ service: Service) {
    self.service = service
    if service == .serving { for watcher in watchers { watcher.news(model.revision) } }
  }

  enum Answer {
    case verdict(ClusterVerdict)
    case refused
  }

  /// A transaction arrives. Applied after a while at one instant, or never.
  func submit(_ transaction: ClusterTransaction, from who: String, _ answer: @escaping (Answer) -> Void) {
    arrive(answer, refused: .refused) { [self] in answer(.verdict(apply(transaction, from: who))) }
  }

  func list(_ answer: @escaping (ClusterListing?) -> Void) {
    arrive(answer, refused: nil) { [self] in answer(model.list { _ in true }) }
  }

  private func arrive<T>(_ answer: @escaping (T) -> Void, refused: T, _ work: @escaping () -> Void) {
    requests += 1
    switch service {
    case .silent: return
    case .refusing: return answer(refused)
    case .serving: break
    }
    world.after(dice.milliseconds(pace)) { [self] in
      // A store that went silent in between may have applied it all the same, without being able to say so.
      if service == .serving || dice.chance(0.5) { work() }
    }
  }

  /// Applies a transaction now.
  @discardableResult
  func apply(_ transaction: ClusterTransaction, from who: String) -> ClusterVerdict {
    let before = model.revision
    let claims = transaction.writes.compactMap { write -> (WorkloadName, ClaimRecord?)? in
      guard case .claim(let workload) = write.key else { return nil }
      return (workload, claim(of: workload))
    }
    let verdict = model.apply(transaction)
    world.invariants.storeAnswered(transaction, verdict, from: who, claimsBefore: claims)
    if model.revision > before { for watcher in watchers { watcher.news(model.revision) } }
    return verdict
  }

  func compact() {
    model.compact(upTo: model.revision)
    for watcher in watchers { watcher.news(model.revision) }
  }

  func add(_ watcher: Watcher) { watchers.append(watcher) }
  func remove(_ watcher: Watcher) { watchers.removeAll { $0 === watcher } }

  // MARK: reading, for the invariants

  func claim(of workload: WorkloadName) -> ClaimRecord? {
    if case .claim(let record)? = model.entries[.claim(workload)]?.value { record } else { nil }
  }
  func spec(of workload: WorkloadName) -> SpecRecord? {
    if case .spec(let record)? = model.entries[.spec(workload)]?.value { record } else { nil }
  }
  func intent(of workload: WorkloadName) -> IntentRecord? {
    if case .intent(let record)? = model.entries[.intent(workload)]?.value { record } else { nil }
  }
  func placement(of workload: WorkloadName) -> PlacementRecord? {
    if case .placement(let record)? = model.entries[.placement(workload)]?.value { record } else { nil }
  }
}
