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

  /// With as many decimals as it has, two at most, and the first digit of what is smaller: `2`, `0.5`, `0.05`, `0.004`.
  public static func decimal(_ value: Double) -> String {
    guard abs(value) < 1e13 else { return "\(value)" }
    // Thousandths below a hundredth, hundredths above.
    let places = abs(value) < 0.01 ? 3 : 2
    var scaled = abs(Int((value * (places == 3 ? 1000 : 100)).rounded()))
    guard scaled > 0 else { return "0" }
    var digits = places
    while digits > 0, scaled % 10 == 0 { (scaled, digits) = (scaled / 10, digits - 1) }
    let text = String(repeating: "0", count: max(0, digits + 1 - "\(scaled)".count)) + "\(scaled)"
    let whole = text.dropLast(digits), sign = value < 0 ? "-" : ""
    return digits == 0 ? sign + text : "\(sign)\(whole).\(text.suffix(digits))"
  }

  /// MiB, of a GiB and more in GiB with one decimal: `512 MiB`, `4.0 GiB`.
  public static func memory(_ mebibytes: Int) -> String {
    abs(mebibytes) < 1024 ? "\(mebibytes) MiB" : "\(tenths(Double(mebibytes) / 1024)) GiB"
  }

  /// `1 cpu`, `0.05 cpus`.
  public static func cpus(_ count: Double) -> String { "\(decimal(count)) \(count == 1 ? "cpu" : "cpus")" }

  /// Seconds with one decimal; `?` where nothing is known.
  public static func seconds(_ duration: Duration?) -> String { duration.map { tenths($0.inSeconds) } ?? "?" }

  /// `a, b and c`; of many the first ones, and how many more there are: `a, b and 7 more`.
  public static func list(_ names: [String], most: Int) -> String {
    let shown = names.count > most + 1 ? Array(names.prefix(most)) + ["\(names.count - most) more"] : names
    return shown.count < 2 ? shown.joined() : shown.dropLast().joined(separator: ", ") + " and " + shown[shown.count - 1]
  }

  /// A clause about one thing, said of so many: `are down` for `is down`.
  public static func clause(_ clause: String, of count: Int) -> String {
    let forms = [("is ", "are "), ("was ", "were "), ("has ", "have "), ("does ", "do ")]
    guard count != 1, let form = forms.first(where: { clause.hasPrefix($0.0) }) else { return clause }
    return form.1 + clause.dropFirst(form.0.count)
  }

  /// A text from outside in one line: a line break, or any other white space, becomes a single space; what cannot be printed is left out.
  public static func oneLine(_ text: String) -> String {
    let isTame = text.unicodeScalars.allSatisfy(isPrinted) && !text.contains("  ")
    guard !isTame || text.hasPrefix(" ") || text.hasSuffix(" ") else { return text }
    return text.split(whereSeparator: \.isWhitespace).map { word in
      String(String.UnicodeScalarView(word.unicodeScalars.filter(isPrinted)))
    }.filter { !$0.isEmpty }.joined(separator: " ")
  }

  /// Terminals take orders of both sets of control characters.
  private static func isPrinted(_ scalar: Unicode.Scalar) -> Bool { scalar.value >= 32 && !(127...159).contains(scalar.value) }
}
