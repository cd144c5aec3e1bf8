import HoldfastTime

/// What a container says of itself: "NAME NODE EPOCH COUNTER".
public struct ProbeAnswer: Equatable, Sendable {
  public var name: String
  /// The node and epoch under which Holdfast started it; "-" for one that it did not start.
  public var node: String
  public var epoch: String
  /// Grows every 10 ms, in memory only: it goes on after a pause, and begins anew after a restart.
  public var counter: Int64

  public init(name: String, node: String, epoch: String, counter: Int64) {
    self.name = name
    self.node = node
    self.epoch = epoch
    self.counter = counter
  }

  /// Nil when the text is no such answer.
  public init?(_ text: some StringProtocol) {
    let words = text.split(whereSeparator: \.isWhitespace)
    guard words.count == 4, let counter = Int64(words[3]) else { return nil }
    self.init(name: String(words[0]), node: String(words[1]), epoch: String(words[2]), counter: counter)
  }
}

/// When one container answered, and when it did not.
public struct ProbeHistory: Equatable, Sendable {
  /// A time in which every question was answered by one and the same process.
  public struct Answers: Equatable, Sendable {
    public var node: String
    public var epoch: String
    /// When the first and the last of these answers arrived.
    public var from: BootInstant
    public var to: BootInstant
    public var firstCounter: Int64
    public var lastCounter: Int64

    public init(
      node: String, epoch: String, from: BootInstant, to: BootInstant, firstCounter: Int64, lastCounter: Int64
    ) {
      self.node = node
      self.epoch = epoch
      self.from = from
      self.to = to
      self.firstCounter = firstCounter
      self.lastCounter = lastCounter
    }
  }

  /// From the last answer of one time to the first answer of the next.
  public struct Gap: Equatable, Sendable {
    public enum Kind: Equatable, Sendable {
      /// The same process went on.
      case pause
      /// Another process, on the same node.
      case restart
      case move(from: String, to: String)
    }
    public var kind: Kind
    public var from: BootInstant
    public var to: BootInstant
    public var length: Duration { to - from }

    public init(kind: Kind, from: BootInstant, to: BootInstant) {
      self.kind = kind
      self.from = from
      self.to = to
    }
  }

  /// In time's order.
  public private(set) var answers: [Answers] = []
  /// Since when nothing answers: when the first question was asked that got no answer, while none got one since.
  public private(set) var silentSince: BootInstant?

  public init() {}

  public var gaps: [Gap] {
    zip(answers, answers.dropFirst()).map { before, after in
      let kind: Gap.Kind =
        if before.node != after.node {
          .move(from: before.node, to: after.node)
        } else if before.epoch == after.epoch && after.firstCounter >= before.lastCounter {
          .pause
        } else {
          .restart
        }
      return Gap(kind: kind, from: before.to, to: after.from)
    }
  }

  /// An answer arrived at `now` to a question asked at `asked`.
  public mutating func answered(_ answer: ProbeAnswer, asked: BootInstant, now: BootInstant) {
    if let last = answers.last, last.node == answer.node, last.epoch == answer.epoch {
      if answer.counter >= last.lastCounter, silentSince == nil {
        answers[answers.count - 1].to = now
        answers[answers.count - 1].lastCounter = answer.counter
        return
      }
      // Overtaken by a later question's answer: not a restart.
      if answer.counter < last.lastCounter, asked <= last.to { return }
    }
    silentSince = nil
    answers.append(
      .init(
        node: answer.node, epoch: answer.epoch, from: now, to: now, firstCounter: answer.counter, lastCounter: answer.counter))
  }

  /// A question asked at `asked` got no answer in its time.
  public mutating func missed(asked: BootInstant) {
    // Another one, asked later or waiting longer, was answered since: the container was there.
    if let last = answers.last, last.to >= asked { return }
    silentSince = min(silentSince ?? asked, asked)
  }
}
