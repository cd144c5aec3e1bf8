import HoldfastModel

/// Quantities as people write them, read exactly: no rounding, no overflow, nil for anything else.
public enum Quantity {
  /// A duration: a number and `ms`, `s`, `m` or `h`, such as `100ms`, `1.5s` or `2m`.
  public static func duration(_ text: String) -> Duration? {
    let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let unit: (decimals: Int, seconds: Int64)
    switch text.dropFirst(number.count) {
    case "ms": unit = (6, 1)
    case "s": unit = (9, 1)
    case "m": unit = (9, 60)
    case "h": unit = (9, 3600)
    default: return nil
    }
    guard let scaled = decimal(number, decimals: unit.decimals) else { return nil }
    let (nanoseconds, overflow) = scaled.multipliedReportingOverflow(by: unit.seconds)
    return overflow ? nil : .nanoseconds(nanoseconds)
  }

  /// A duration in its largest whole unit: the inverse of `duration` for what it can express.
  public static func text(_ duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    let nanoseconds = attoseconds / 1_000_000_000
    if nanoseconds % 1_000_000 != 0 { return "\(Double(seconds) * 1000 + Double(nanoseconds) / 1_000_000)ms" }
    if nanoseconds != 0 { return "\(seconds * 1000 + nanoseconds / 1_000_000)ms" }
    if seconds != 0, seconds % 3600 == 0 { return "\(seconds / 3600)h" }
    return seconds != 0 && seconds % 60 == 0 ? "\(seconds / 60)m" : "\(seconds)s"
  }

  /// A percentage such as `1%` or `0.05%`, in parts per million.
  public static func partsPerMillion(_ text: String) -> Int64? {
    guard text.hasSuffix("%") else { return nil }
    return decimal(text.dropLast(), decimals: 4)
  }

  /// Memory in MiB: an integer, or a number with `MiB`, `GiB` or `TiB` that makes whole MiB.
  public static func mebibytes(_ text: String) -> Int? {
    for (unit, factor) in [("MiB", 1), ("GiB", 1024), ("TiB", 1024 * 1024)] as [(String, Int64)] where text.hasSuffix(unit) {
      guard let scaled = decimal(text.dropLast(unit.count), decimals: 3) else { return nil }
      let (product, overflow) = scaled.multipliedReportingOverflow(by: factor)
      return overflow || product % 1000 != 0 ? nil : Int(product / 1000)
    }
    return decimal(text[...], decimals: 0).map(Int.init)
  }

  /// A number of processors, with at most three decimals, such as `2` or `0.5`.
  public static func processors(_ text: String) -> Double? { decimal(text[...], decimals: 3).map { Double($0) / 1000 } }

  /// A number of at most nine digits and `decimals` decimals, times ten to the power of `decimals`.
  private static func decimal(_ text: Substring, decimals: Int) -> Int64? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard let whole = parts.first, parts.count <= 2, (1...9).contains(whole.utf8.count) else { return nil }
    let fraction = parts.count == 2 ? parts[1] : ""
    guard fraction.utf8.count <= decimals, parts.count == 1 || !fraction.isEmpty else { return nil }
    guard (whole + fraction).utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return Int64(whole + fraction + String(repeating: "0", count: decimals - fraction.utf8.count))
  }
}

extension YAMLValue {
  /// A duration within a range.
  public func duration(in range: ClosedRange<Duration>) -> Duration? {
    value(
      expected: "a duration from \(Quantity.text(range.lowerBound)) to \(Quantity.text(range.upperBound)), such as 3s or 100ms",
      remedy: {
        if Quantity.duration($0) != nil { return "Choose a value within this range." }
        if Quantity.duration($0 + "s") != nil { return "Write \($0)s for seconds, or \($0)ms for milliseconds." }
        return "Write a number and ms, s, m or h, without a space."
      },
      { Quantity.duration($0).flatMap { range.contains($0) ? $0 : nil } })
  }

  /// A percentage in parts per million, from 0 % to `limit` parts per million.
  public func percentage(to limit: Int64) -> Int64? {
    value(
      expected: "a percentage from 0% to \(limit / 10_000)%, such as 1%",
      remedy: {
        if Quantity.partsPerMillion($0) != nil { return "Choose a value within this range." }
        return Quantity.partsPerMillion($0 + "%") != nil
          ? "Write a percent sign: \($0)% is \($0) in a hundred." : "Write it as 1%."
      },
      { Quantity.partsPerMillion($0).flatMap { $0 <= limit ? $0 : nil } })
  }

  /// Memory in MiB, at least 1.
  public func mebibytes() -> Int? {
    value(
      expected: "memory in MiB, such as 512 or 4GiB",
      remedy: { text in
        let number = text.prefix { $0.isNumber || $0 == "." }
        switch text.dropFirst(number.count).trimmingPrefix(while: { $0 == " " }).uppercased() {
        case "M", "MB", "MI", "MIB": return "Write \(number)MiB."
        case "G", "GB", "GI", "GIB": return "Write \(number)GiB."
        case "T", "TB", "TI", "TIB": return "Write \(number)TiB."
        default: return "Write a whole number of MiB, or a number with MiB, GiB or TiB."
        }
      },
      { Quantity.mebibytes($0).flatMap { (1...1_073_741_824).contains($0) ? $0 : nil } })
  }

  /// A number of processors within a range.
  public func processors(from least: Double, to most: Double) -> Double? {
    value(
      expected: "a number of processors from \(InWords.number(least)) to \(InWords.number(most)), such as 2 or 0.5",
      remedy: { _ in "Write a number with at most three decimals." },
      { Quantity.processors($0).flatMap { (least...most).contains($0) ? $0 : nil } })
  }

  /// `yes` or `no`, or `true` or `false`.
  public func yesOrNo() -> Bool? {
    let words = ["yes": true, "true": true, "no": false, "false": false]
    return value(expected: "yes or no", remedy: { _ in "Write yes or no." }, { words[$0] })
  }

  /// An integer within a range.
  public func integer(in range: ClosedRange<Int>) -> Int? {
    value(
      expected: "an integer from \(range.lowerBound) to \(range.upperBound)",
      remedy: { _ in "Write a whole number in this range." },
      { Int($0).flatMap { range.contains($0) ? $0 : nil } })
  }
}
