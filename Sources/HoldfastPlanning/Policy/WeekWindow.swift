import HoldfastModel

/// A minute of the week, from 0 for Monday 00:00, in the local time of the cluster.
public struct WeekTime: Hashable, Sendable, Codable {
  public static let minutesOfDay = 24 * 60
  /// 0 to 10079.
  public var minute: Int

  public init(minute: Int) {
    let week = 7 * Self.minutesOfDay
    self.minute = ((minute % week) + week) % week
  }
}

/// A time of the week: `Sat 02:00-06:00`, `Mon-Fri 22:00-05:00`, `daily 03:00-04:00`.
public struct WeekWindow: Hashable, Sendable {
  public static let dayNames = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
  /// 0 is Monday; sorted.
  public var days: [Int]
  /// Minutes of the day. An end at or before the start is on the next day.
  public var start: Int
  public var end: Int

  public init(days: [Int], start: Int, end: Int) {
    self.days = Set(days).sorted()
    self.start = start
    self.end = end
  }

  /// Minutes from its start to its end.
  private var length: Int { end > start ? end - start : end - start + WeekTime.minutesOfDay }

  public func contains(_ time: WeekTime) -> Bool {
    days.contains { day in
      WeekTime(minute: time.minute - day * WeekTime.minutesOfDay - start).minute < length
    }
  }

  /// Minutes from `time` to its next opening; 0 when it is open.
  public func minutes(from time: WeekTime) -> Int {
    if contains(time) { return 0 }
    return days.map { WeekTime(minute: $0 * WeekTime.minutesOfDay + start - time.minute).minute }.min() ?? 0
  }
}

extension WeekWindow: CustomStringConvertible {
  public var description: String {
    func clock(_ minute: Int) -> String {
      func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
      return "\(two(minute / 60)):\(two(minute % 60))"
    }
    let names: String
    if days.count == 7 {
      names = "daily"
    } else if days.count > 2, let first = days.first, let last = days.last, last - first == days.count - 1 {
      names = "\(Self.dayNames[first])-\(Self.dayNames[last])"
    } else {
      names = days.map { Self.dayNames[$0] }.joined(separator: ",")
    }
    return "\(names) \(clock(start))-\(clock(end))"
  }
}

extension WeekWindow {
  /// - Throws: what is wrong, and where.
  public init(parsing text: String) throws(TextFlaw) {
    let parts = text.split(separator: " ", omittingEmptySubsequences: true)
    guard parts.count == 2 else {
      throw TextFlaw(
        expected: "days and times such as Sat 02:00-06:00", found: "'\(text)'",
        remedy: "Write Mon to Sun, Mon-Fri or daily, a space, and two times joined by '-'.")
    }
    let days = try Self.days(parts[0])
    let times = parts[1].split(separator: "-", omittingEmptySubsequences: false)
    guard times.count == 2, let start = Self.minute(times[0]), let end = Self.minute(times[1]) else {
      throw TextFlaw(
        offset: text.unicodeScalars.count - parts[1].unicodeScalars.count, expected: "two times such as 02:00-06:00",
        found: "'\(parts[1])'", remedy: "Write hours from 00 to 24, ':' and minutes.")
    }
    guard start < WeekTime.minutesOfDay else {
      throw TextFlaw(
        offset: text.unicodeScalars.count - parts[1].unicodeScalars.count, expected: "a start before 24:00",
        found: "'\(times[0])'", remedy: "Write 00:00 and the next day.")
    }
    self.init(days: days, start: start, end: end)
  }

  private static func days(_ text: Substring) throws(TextFlaw) -> [Int] {
    if text == "daily" { return Array(0..<7) }
    var days: [Int] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { name in
        dayNames.firstIndex(of: String(name))
      }
      switch (ends.first ?? nil, ends.last ?? nil, ends.count) {
      case (let day?, _, 1): days.append(day)
      case (let first?, let last?, 2): days += (0...((last - first + 7) % 7)).map { (first + $0) % 7 }
      default:
        throw TextFlaw(
          expected: "days: \(dayNames.joined(separator: ", ")), a range such as Mon-Fri, or daily", found: "'\(part)'",
          remedy: "Write the days with three letters and a capital.")
      }
    }
    return days
  }

  private static func minute(_ text: Substring) -> Int? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy({ $0.utf8.count == 2 && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }),
      let hours = Int(parts[0]), let minutes = Int(parts[1]), minutes < 60
    else { return nil }
    let total = hours * 60 + minutes
    return total <= WeekTime.minutesOfDay ? total : nil
  }
}

extension WeekWindow: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    do {
      self = try WeekWindow(parsing: try container.decode(String.self))
    } catch let flaw as TextFlaw {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "expected \(flaw.expected), found \(flaw.found)")
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
