import HoldfastTime

/// How numbers and lists of names are written for people, the same everywhere.
public enum InWords {
  /// Without the fraction where there is none: `2`, `0.5`.
  public static func number(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
  }

  /// With one decimal: `2.0`, `0.5`.
  public static func tenths(_ value: Double) -> String {
    guard abs(value) < 1e15 else { return "\(value)" }
    let scaled = Int((value * 10).rounded())
    return "\(scaled < 0 ? "-" : "")\(abs(scaled) / 10).\(abs(scaled) % 10)"
  }

  /// Seconds with one decimal; `?` where nothing is known.
  public static func seconds(_ duration: Duration?) -> String { duration.map { tenths($0.inSeconds) } ?? "?" }

  /// `a, b and c`; of many the first ones, and how many more there are: `a, b and 7 more`.
  public static func list(_ names: [String], most: Int) -> String {
    let shown = names.count > most + 1 ? Array(names.prefix(most)) + ["\(names.count - most) more"] : names
    return shown.count < 2 ? shown.joined() : shown.dropLast().joined(separator: ", ") + " and " + shown[shown.count - 1]
  }

  /// A text from outside in one line: a line break, or any other white space, becomes a single space; what cannot be printed is left out.
  public static func oneLine(_ text: String) -> String {
    let isTame = text.unicodeScalars.allSatisfy { $0.value >= 32 && $0.value != 127 } && !text.contains("  ")
    guard !isTame || text.hasPrefix(" ") || text.hasSuffix(" ") else { return text }
    return text.split(whereSeparator: \.isWhitespace).map { word in
      String(String.UnicodeScalarView(word.unicodeScalars.filter { $0.value >= 32 && $0.value != 127 }))
    }.filter { !$0.isEmpty }.joined(separator: " ")
  }
}
