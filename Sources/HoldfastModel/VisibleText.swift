extension InWords {
  /// A text from outside (a name, a libvirt message, a file) as a terminal may show it: characters that steer a terminal, or turn the
  /// order of a line round, are written as JSON writes them, `\u001B`. Tabs and ends of lines stay.
  ///
  /// Inside JSON it means the same as before.
  public static func visible(_ text: some StringProtocol) -> String {
    let scalars = text.unicodeScalars
    guard scalars.contains(where: isHidden) else { return String(text) }
    var result = ""
    var index = scalars.startIndex
    while index < scalars.endIndex {
      let scalar = scalars[index]
      index = scalars.index(after: index)
      let endsLine = scalar == "\r" && index < scalars.endIndex && scalars[index] == "\n"
      if isHidden(scalar), !endsLine {
        let digits = String(scalar.value, radix: 16, uppercase: true)
        result += "\\u" + String(repeating: "0", count: max(0, 4 - digits.utf8.count)) + digits
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x09, 0x0A: false
    // C0, DEL, C1.
    case 0...0x1F, 0x7F...0x9F: true
    // What turns the direction of writing, and ends of lines that no terminal needs.
    case 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069: true
    default: false
    }
  }
}
