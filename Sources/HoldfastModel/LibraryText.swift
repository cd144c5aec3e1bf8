extension InWords {
  /// A library's words for an error, without what only its authors understand: the place in its sources that it was built from, and
  /// the call that failed where the system's own words follow (`connect(…): Connection refused) (errno: 111)`).
  public static func plain(_ text: String) -> String {
    withoutPlaces(systemWords(in: text) ?? text)
  }

  private static func systemWords(in text: String) -> String? {
    guard let code = text.firstRange(of: " (errno: ") else { return nil }
    var words = text[..<code.lowerBound]
    while words.last == ")" { words.removeLast() }
    if let call = words.ranges(of: ": ").last { words = words[call.upperBound...] }
    return words.isEmpty ? nil : String(words)
  }

  /// Each is ` at /path/of/a/file.cc:320`.
  private static func withoutPlaces(_ text: String) -> String {
    var rest = text[...], result = ""
    while let place = rest.firstRange(of: " at /") {
      result += rest[..<place.lowerBound]
      let path = rest[rest.index(after: place.lowerBound)...].dropFirst(3).prefix { !" ,;)]}".contains($0) }
      // A path that is meant for the reader has no line number.
      let isPlace = path.split(separator: ":").count == 2 && path.last?.isNumber ?? false
      if !isPlace { result += rest[place.lowerBound..<path.endIndex] }
      rest = rest[path.endIndex...]
    }
    return result + rest
  }
}
