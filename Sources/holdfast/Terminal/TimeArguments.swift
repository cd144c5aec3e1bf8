import ArgumentParser
import Glibc
import HoldfastYAML

/// A length of time as an operator types it: `30m`, `2h`.
struct TimeSpan: ExpressibleByArgument {
  var seconds: Double

  init?(argument: String) {
    guard let duration = Quantity.duration(argument), duration >= .seconds(1) else { return nil }
    seconds = duration / .seconds(1)
  }

  init(seconds: Double) { self.seconds = seconds }

  var defaultValueDescription: String { Quantity.text(.seconds(seconds)) }
}

/// A time to come as an operator types it: `18:30`, `2026-03-01 06:00`, both local; with a `Z` behind it UTC; or `2h` from now.
struct TimeToCome: ExpressibleByArgument {
  /// Since 1970.
  var milliseconds: Int64

  init?(argument: String) { self.init(argument, now: Words.now()) }

  /// - Parameter now: milliseconds since 1970.
  init?(_ text: String, now: Int64) {
    if let span = TimeSpan(argument: text) {
      milliseconds = now + Int64(span.seconds * 1000)
    } else if let seconds = Self.clock(text, now: now / 1000) ?? Self.date(text) {
      milliseconds = seconds * 1000
    } else {
      return nil
    }
  }

  /// Today, or tomorrow when that is over.
  private static func clock(_ text: String, now: Int64) -> Int64? {
    guard let read = numbers(text, ":", 2...3), isClock(read) else { return nil }
    var instant = time_t(now), today = tm()
    localtime_r(&instant, &today)
    (today.tm_hour, today.tm_min, today.tm_sec, today.tm_isdst) = (read[0], read[1], read.count > 2 ? read[2] : 0, -1)
    var tomorrow = today
    tomorrow.tm_mday += 1
    let seconds = Int64(mktime(&today))
    return seconds > now ? seconds : Int64(mktime(&tomorrow))
  }

  private static func date(_ text: String) -> Int64? {
    let isUTC = text.hasSuffix("Z"), bare = isUTC ? text.dropLast() : text[...]
    let parts = bare.split(separator: bare.contains("T") ? "T" : " ", omittingEmptySubsequences: false)
    guard parts.count == 2, let day = numbers(parts[0], "-", 3...3), let clock = numbers(parts[1], ":", 2...3), isClock(clock),
      (1970...9999).contains(day[0]), (1...12).contains(day[1]), (1...31).contains(day[2])
    else { return nil }
    var fields = tm()
    (fields.tm_year, fields.tm_mon, fields.tm_mday) = (day[0] - 1900, day[1] - 1, day[2])
    (fields.tm_hour, fields.tm_min, fields.tm_sec, fields.tm_isdst) = (clock[0], clock[1], clock.count > 2 ? clock[2] : 0, -1)
    let seconds = Int64(isUTC ? timegm(&fields) : mktime(&fields))
    // The 31st of February would be another day.
    return fields.tm_mday == day[2] ? seconds : nil
  }

  private static func isClock(_ numbers: [Int32]) -> Bool {
    (0...23).contains(numbers[0]) && numbers.dropFirst().allSatisfy { (0...59).contains($0) }
  }

  /// Whole numbers between separators, and nothing else.
  private static func numbers(_ text: some StringProtocol, _ separator: Character, _ count: ClosedRange<Int>) -> [Int32]? {
    let parts = text.split(separator: separator, omittingEmptySubsequences: false)
    guard count.contains(parts.count), parts.allSatisfy({ $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }) else {
      return nil
    }
    let numbers = parts.compactMap { Int32($0) }
    return numbers.count == parts.count ? numbers : nil
  }
}
