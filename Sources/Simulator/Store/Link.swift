/// The way between one host and the store, each direction by itself. Messages overtake each other.
final class Link {
  enum Direction: Int { case toStore, fromStore }

  /// What may go wrong with a single message.
  struct Quality {
    /// Milliseconds, mostly.
    var latency: ClosedRange<Double> = 0.2...1.0
    /// Share of messages that take much longer.
    var late = 0.0
    /// Milliseconds, for those.
    var lateness: ClosedRange<Double> = 5...400
    /// Share of messages that are lost.
    var loss = 0.0
    /// Share of messages that meet a cut and come through when it is over, as retransmitted segments do.
    var held = 0.5
  }

  private unowned let world: World
  private let dice: Dice
  @exclusivity(unchecked) var quality: Quality
  @exclusivity(unchecked) private(set) var cut: Set<Direction> = []
  private var waiting: [Direction: [EventHeap.Deed]] = [:]
  /// Called when a direction is open again.
  var opened: (Direction) -> Void = { _ in }

  init(_ world: World, dice: Dice, quality: Quality) {
    self.world = world
    self.dice = dice
    self.quality = quality
  }

  func latency() -> Span {
    dice.milliseconds(dice.chance(quality.late) ? quality.lateness : quality.latency)
  }

  /// Brings a message over, if it comes over at all.
  func carry(_ direction: Direction, _ arrive: @escaping () -> Void) {
    send(.body { [self] in if lets(.body(arrive), direction) { arrive() } }, direction)
  }

  /// A deed that asks `lets` before it does anything.
  func send(_ deed: EventHeap.Deed, _ direction: Direction) {
    guard !dice.chance(quality.loss) else { return }
    world.at(world.now + latency(), deed)
  }

  /// Whether a message gets through. One that does not may come when the cut is over.
  func lets(_ deed: EventHeap.Deed, _ direction: Direction) -> Bool {
    guard !cut.isEmpty, cut.contains(direction) else { return true }
    if dice.chance(quality.held) { waiting[direction, default: []].append(deed) }
    return false
  }

  func sever(_ way: Happening.Way) {
    switch way {
    case .both: cut = [.toStore, .fromStore]
    case .requests: cut.insert(.toStore)
    case .answers: cut.insert(.fromStore)
    }
  }

  func end() { waiting = [:] }

  func mend() {
    let mended = cut
    cut = []
    for direction in [Direction.toStore, .fromStore] where mended.contains(direction) {
      for deed in waiting.removeValue(forKey: direction) ?? [] { world.at(world.now + latency(), deed) }
      opened(direction)
    }
  }
}
