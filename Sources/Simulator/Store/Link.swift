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
  var quality: Quality
  private(set) var cut: Set<Direction> = []
  private var waiting: [Direction: [() -> Void]] = [:]
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
    guard !dice.chance(quality.loss) else { return }
    world.after(latency()) { [self] in
      guard !cut.isEmpty, cut.contains(direction) else { return arrive() }
      if dice.chance(quality.held) { waiting[direction, default: []].append(arrive) }
    }
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
      for arrive in waiting.removeValue(forKey: direction) ?? [] { world.after(latency(), arrive) }
      opened(direction)
    }
  }
}
