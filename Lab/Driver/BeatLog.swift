import HoldfastTime

/// What one container's trace says about where it executed, and when.
///
/// Every instance of the container appends "NODE EPOCH BOOTTIME_NS START_NS" every 10 ms to the same file, whichever node it
/// runs on; the first line of a life ends in " first". So each life's interval is known to 10 ms.
public struct BeatLog: Equatable, Sendable {
  /// A time in which the process executed without a pause that could be told from scheduling.
  public struct Span: Equatable, Sendable {
    public var from: BootInstant
    public var to: BootInstant

    public init(from: BootInstant, to: BootInstant) {
      self.from = from
      self.to = to
    }
  }
  /// Beats come every 10 ms; a silence longer than this is a pause.
  public static let pause: Duration = .milliseconds(100)

  /// One process's life: from its first to its last beat. Pauses are within.
  public struct Life: Equatable, Sendable {
    /// The node and the epoch of the claim under which it was started; "-" for a container that Holdfast did not start.
    public var node: String
    public var epoch: String
    /// When the process started, on the boot clock: it tells a restarted process from one that went on.
    public var start: BootInstant
    public var first: BootInstant
    public var last: BootInstant
    public var beats: Int
    /// The longest time between two beats.
    public var longestPause: Duration
    /// When it executed, in time's order.
    public var spans: [Span]

    public init(
      node: String, epoch: String, start: BootInstant, first: BootInstant, last: BootInstant, beats: Int = 1,
      longestPause: Duration = .zero, spans: [Span]? = nil
    ) {
      self.node = node
      self.epoch = epoch
      self.start = start
      self.first = first
      self.last = last
      self.beats = beats
      self.longestPause = longestPause
      self.spans = spans ?? [Span(from: first, to: last)]
    }
  }

  /// A line that no container writes, and that no killed one leaves.
  public struct Garbage: Equatable, Sendable {
    /// Counted from 1.
    public var line: Int
    public var text: String
    public var reason: String
  }

  public var container: String
  /// In the order of their first beats.
  public var lives: [Life]
  public var garbage: [Garbage]

  public init(container: String, lives: [Life], garbage: [Garbage] = []) {
    self.container = container
    self.lives = lives
    self.garbage = garbage
  }

  /// Reads a trace.
  ///
  /// A writer that was killed may leave a torn line: at the end of the file, or just before the first line of the next life.
  /// There it is passed over. Anything else that does not fit is garbage.
  public init(container: String, contents: [UInt8]) {
    self.init(container: container, lives: [])
    var reader = BeatReader()
    var number = 1
    var start = contents.startIndex
    // What follows the last newline is torn, or being written.
    while let end = contents[start...].firstIndex(of: UInt8(ascii: "\n")) {
      reader.read(contents[start..<end], number: number)
      start = end + 1
      number += 1
    }
    lives = reader.lives.sorted { $0.first < $1.first }
    garbage = reader.garbage
    // What was doubtful at the very end has no next life that would explain it.
    if let doubt = reader.doubt { garbage.append(doubt) }
  }
}

/// One line, taken apart.
private struct BeatLine {
  var writer: BeatWriter
  var stamp: BootInstant
  var isFirst: Bool

  init?(_ line: ArraySlice<UInt8>) {
    let fields = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    guard fields.count == 4 || (fields.count == 5 && fields[4].elementsEqual("first".utf8)),
      !fields[0].isEmpty, fields[0].allSatisfy({ $0 > 32 && $0 < 127 }),
      fields[1].elementsEqual("-".utf8) || BeatLine.number(fields[1]) != nil,
      let stamp = BeatLine.number(fields[2]), let start = BeatLine.number(fields[3])
    else { return nil }
    writer = BeatWriter(node: fields[0], epoch: fields[1], start: BootInstant(nanoseconds: start))
    self.stamp = BootInstant(nanoseconds: stamp)
    isFirst = fields.count == 5
  }

  private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
    guard !digits.isEmpty, digits.count <= 18 else { return nil }
    var value: Int64 = 0
    for digit in digits {
      guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
      value = value * 10 + Int64(digit - UInt8(ascii: "0"))
    }
    return value
  }
}

/// The process that a line is from.
private struct BeatWriter: Hashable {
  var node: ArraySlice<UInt8>
  var epoch: ArraySlice<UInt8>
  var start: BootInstant
}

/// Turns lines into lives.
private struct BeatReader {
  private(set) var lives: [BeatLog.Life] = []
  private(set) var garbage: [BeatLog.Garbage] = []
  /// The last line, if it does not fit: excused when the next one begins a life.
  private(set) var doubt: BeatLog.Garbage?
  private var known: [BeatWriter: Int] = [:]

  mutating func read(_ text: ArraySlice<UInt8>, number: Int) {
    // Two starters may both end the same torn line.
    if text.isEmpty { return }
    let line = BeatLine(text)
    if let doubt, line?.isFirst != true { garbage.append(doubt) }
    doubt = nil
    if let reason = problem(with: line) {
      doubt = .init(line: number, text: String(decoding: text.prefix(120), as: UTF8.self), reason: reason)
    } else if let line {
      take(line)
    }
  }

  private func problem(with line: BeatLine?) -> String? {
    guard let line else { return "it is not NODE EPOCH BOOTTIME_NS START_NS" }
    switch (line.isFirst, known[line.writer]) {
    case (true, nil): return nil
    case (true, .some): return "it begins a life that has begun before"
    case (false, nil): return "it belongs to no life that began before it"
    case (false, .some(let life)): return line.stamp >= lives[life].last ? nil : "it is older than the beat before it"
    }
  }

  private mutating func take(_ line: BeatLine) {
    if let life = known[line.writer] {
      let silence = line.stamp - lives[life].last
      lives[life].longestPause = max(lives[life].longestPause, silence)
      if silence > BeatLog.pause {
        lives[life].spans.append(.init(from: line.stamp, to: line.stamp))
      } else {
        lives[life].spans[lives[life].spans.count - 1].to = line.stamp
      }
      lives[life].last = line.stamp
      lives[life].beats += 1
    } else {
      known[line.writer] = lives.count
      lives.append(
        .init(
          node: String(decoding: line.writer.node, as: UTF8.self), epoch: String(decoding: line.writer.epoch, as: UTF8.self),
          start: line.writer.start, first: line.stamp, last: line.stamp))
    }
  }
}
