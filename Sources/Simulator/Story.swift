/// Who did what when. Lines are put into words only when somebody reads them.
public final class Story {
  public enum Length: Sendable {
    /// The last lines are kept, for when something goes wrong.
    case last(Int)
    case whole
  }

  private struct Line {
    var at: Moment
    var who: String
    var what: () -> String
  }

  private let length: Length
  private var lines: [Line] = []
  private var oldest = 0

  init(_ length: Length) { self.length = length }

  func tell(_ at: Moment, _ who: String, _ what: @escaping () -> String) {
    let line = Line(at: at, who: who, what: what)
    if case .last(let most) = length, lines.count >= most {
      lines[oldest] = line
      oldest = (oldest + 1) % most
    } else {
      lines.append(line)
    }
  }

  /// The lines that are kept, oldest first.
  public var text: String {
    (lines[oldest...] + lines[..<oldest]).map { line in
      let who = line.who + String(repeating: " ", count: max(0, 10 - line.who.count))
      return "\(line.at) \(who) \(line.what())"
    }.joined(separator: "\n")
  }
}

/// A running hash (FNV-1a over 64-bit words) of everything that happened.
struct Trace {
  private(set) var hash: UInt64 = 0xcbf2_9ce4_8422_2325
  mutating func mix(_ value: Int64) { hash = (hash ^ UInt64(bitPattern: value)) &* 0x100_0000_01b3 }
}
