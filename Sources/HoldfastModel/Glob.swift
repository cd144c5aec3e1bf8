/// A pattern for names: `*` stands for any characters, `?` for one.
public struct Glob: Hashable, Sendable {
  public let pattern: String
  private let scalars: [Unicode.Scalar]

  public init(_ pattern: String) {
    self.pattern = pattern
    scalars = Array(pattern.unicodeScalars)
  }

  /// Whether it can match more than one name. A plain name that matches nothing is a mistake; so is such a pattern.
  public var isPattern: Bool { scalars.contains("*") || scalars.contains("?") }

  public func matches(_ text: String) -> Bool {
    let text = Array(text.unicodeScalars)
    var t = 0, p = 0
    // Where the last star stood, and the text position from which it is tried again: linear space, no recursion on what a user typed.
    var star: (pattern: Int, text: Int)?
    while t < text.count {
      if p < scalars.count, scalars[p] == "*" {
        star = (p, t)
        p += 1
      } else if p < scalars.count, scalars[p] == "?" || scalars[p] == text[t] {
        p += 1
        t += 1
      } else if let back = star {
        star = (back.pattern, back.text + 1)
        p = back.pattern + 1
        t = back.text + 1
      } else {
        return false
      }
    }
    return scalars[p...].allSatisfy { $0 == "*" }
  }
}
