import HoldfastModel
import HoldfastPlanning

/// How one run ends, as far as that decides whether it is started again.
struct Ending: Hashable, Sendable {
  /// How it ended, as libvirt said; nil: it did not, or nobody saw it.
  private var seen: DomainEnd?
  /// libvirt was asked to stop it, or to move it away: its end is not its own doing.
  private var isAsked = false
  /// The stop that is under way leaves it time to shut down.
  private var isGraceful = false
  /// The claim under which it was last seen to run. Whatever ended it under an earlier one, and a freeze between, its node was lost.
  private var ranUnder: Epoch?
  /// It stays down after this end, or when it is ended, as it crashed and is kept. Whatever runs under a later claim is another run.
  private var down: Down?

  private struct Down: Hashable {
    var end: DomainEnd
    var epoch: Epoch
  }

  /// The end after which it stays down under this claim; nil: there was none.
  func staysDown(under epoch: Epoch) -> DomainEnd? { down.flatMap { $0.epoch == epoch ? $0.end : nil } }

  /// What ended without being told to.
  mutating func decide(_ own: WorkloadFacts, _ facts: Facts) {
    guard staysDown(under: own.epoch) == nil, !isAsked, own.desired == .running, own.intent != nil, ranUnder == own.epoch,
      let spec = own.spec?.value
    else { return }
    let end = seen ?? .unknown
    if facts.rules.settings(of: own.name, spec).whenItEnds.staysDown(after: end) { keepDown(after: end, under: own.epoch) }
  }

  mutating func keepDown(after end: DomainEnd, under epoch: Epoch) { down = Down(end: end, epoch: epoch) }
  mutating func goesUp() { down = nil }
  mutating func saw(_ end: DomainEnd) { seen = end }

  mutating func runs(under epoch: Epoch) {
    (seen, down) = (nil, nil)
    ranUnder = epoch
  }

  /// The run is over; what follows from it stays.
  mutating func end() { (seen, isAsked, isGraceful, ranUnder) = (nil, false, false, nil) }

  /// An earlier life of the controller was stopping it.
  mutating func wasBeingStopped() { isAsked = true }

  mutating func begins(_ kind: DomainOperation, isGraceful: Bool) {
    self.isGraceful = isGraceful
    if kind == .stop || kind == .migrate { isAsked = true }
  }

  /// The stop that is under way is to take no more time; false: it takes none.
  mutating func cutsShort() -> Bool {
    defer { isGraceful = false }
    return isGraceful
  }

  /// A migration that certainly was none takes nothing away; what was asked to stop may still do so.
  mutating func endsCall(_ kind: DomainOperation, _ outcome: OperationOutcome) {
    guard kind == .migrate else { return }
    switch outcome {
    case .failed, .hindered, .tooLate, .barred: isAsked = false
    case .done, .unknown: break
    }
  }

  /// It was seen anew, and runs on.
  mutating func didNotWork(_ kind: DomainOperation) { if kind == .migrate { isAsked = false } }
}
