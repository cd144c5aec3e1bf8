import Foundation

/// What a machine wrote to its serial port, on whichever host: beats as a container's (`BeatLog`), in the machine's own time.
///
/// Two copies of one machine that both executed would both write, with the same times: within a life time only goes forward.
public struct ConsoleLog: Equatable, Sendable {
  /// From one boot of the machine to the next; migrations are within.
  public struct Life: Equatable, Sendable {
    /// Nanoseconds since the machine's boot, of its first and its last beat.
    public var first: Int64
    public var last: Int64
    public var beats: Int

    public init(first: Int64, last: Int64, beats: Int = 1) {
      self.first = first
      self.last = last
      self.beats = beats
    }
  }

  public var lives: [Life] = []
  /// The lines, counted from 1, at which a life's time did not go forward: another copy wrote there.
  public var steppedBack: [Int] = []

  /// Reads a console. What is no beat (the kernel's messages, a torn line) is passed over.
  public init(_ text: String) {
    for (number, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
      let words = line.split(whereSeparator: \.isWhitespace)
      guard words.count == 4 || words.count == 5 && words[4] == "first", words[0] == "-", words[1] == "-",
        let time = Int64(words[2]), Int64(words[3]) != nil
      else { continue }
      if words.count == 5 {
        lives.append(Life(first: time, last: time))
      } else if var life = lives.popLast() {
        if time <= life.last { steppedBack.append(number + 1) }
        life.last = max(life.last, time)
        life.beats += 1
        lives.append(life)
      }
    }
  }
}

extension LabCluster {
  /// A machine's console.
  public func console(of machine: String) throws(LabError) -> ConsoleLog {
    let path = "\(state)/shared/machines/\(machine).console"
    do {
      return ConsoleLog(try String(contentsOfFile: path, encoding: .isoLatin1))
    } catch {
      throw .unreadable(path: path, reason: error.localizedDescription)
    }
  }
}
