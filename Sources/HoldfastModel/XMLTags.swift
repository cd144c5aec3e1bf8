/// The tags of a text that is well-formed XML, one after the other, without comments and CDATA. Enough for the core, which asks of a domain's XML only
/// what the domain has to do with the world outside it; whether the text is XML at all is judged before it comes into the store.
struct XMLTags {
  struct Tag {
    /// Without a namespace's prefix.
    var name: String
    /// It ends an element, and has no attributes.
    var isClosing = false
    /// The rest of the tag.
    fileprivate var rest: Substring

    /// Its element has nothing in it: `<readonly/>`.
    var isEmpty: Bool { rest.utf8.last == UInt8(ascii: "/") }

    /// An attribute's value as written, without a prefix.
    func attribute(_ wanted: String) -> String? {
      firstAttribute { key, value in key.elementsEqual(wanted.utf8) ? String(Substring(value)) : nil }
    }

    /// All of them, in their order, with their values as they are meant: XML's own entities are replaced.
    var attributes: [(name: String, value: String)] {
      var found: [(name: String, value: String)] = []
      func keep(_ key: Substring.UTF8View, _ value: Substring.UTF8View) -> Never? {
        found.append((String(Substring(key)), XMLTags.plain(String(Substring(value)))))
        return nil
      }
      _ = firstAttribute(keep)
      return found
    }

    /// What is made of the first that something is made of.
    private func firstAttribute<Found>(_ take: (Substring.UTF8View, Substring.UTF8View) -> Found?) -> Found? {
      var bytes = rest.utf8
      while let equals = bytes.firstIndex(of: UInt8(ascii: "=")) {
        let key = XMLTags.lastWord(of: bytes[..<equals])
        let behind = bytes[bytes.index(after: equals)...].drop(while: XMLTags.isBlank)
        guard let quote = behind.first, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else { return nil }
        let value = behind.dropFirst().prefix { $0 != quote }
        if let found = take(key, value) { return found }
        bytes = bytes[value.endIndex...].dropFirst()
      }
      return nil
    }
  }

  private let text: String
  private var utf8: Substring.UTF8View

  init(_ text: String) {
    self.text = text
    utf8 = text[...].utf8
  }

  /// The next opening tag.
  mutating func next() -> Tag? {
    while let tag = step() { if !tag.isClosing { return tag } }
    return nil
  }

  /// The next tag, be it an opening or a closing one.
  mutating func step() -> Tag? {
    while let open = utf8.firstIndex(of: UInt8(ascii: "<")) {
      utf8 = utf8[utf8.index(after: open)...]
      if utf8.starts(with: "!--".utf8) {
        skip(to: "-->")
      } else if utf8.starts(with: "![CDATA[".utf8) {
        skip(to: "]]>")
      } else if let first = utf8.first, first == UInt8(ascii: "/") {
        utf8 = utf8.dropFirst()
        return takeTag(isClosing: true)
      } else if let first = utf8.first, first != UInt8(ascii: "?"), first != UInt8(ascii: "!") {
        return takeTag(isClosing: false)
      }
    }
    return nil
  }

  /// From the tag that was last given to the next one, as it is meant and without blanks around it.
  func textBehind() -> String {
    let behind = Substring(utf8.dropFirst().prefix { $0 != UInt8(ascii: "<") })
    let start = behind.drop(while: \.isWhitespace)
    let end = start.lastIndex { !$0.isWhitespace }
    return end.map { Self.plain(String(start[...$0])) } ?? ""
  }

  /// Up to the `>` that is in no attribute's value.
  private mutating func takeTag(isClosing: Bool) -> Tag {
    let start = utf8.startIndex
    var end = start, quote: UInt8?
    while end < utf8.endIndex {
      let byte = utf8[end]
      if let open = quote {
        if byte == open { quote = nil }
      } else if byte == UInt8(ascii: ">") {
        break
      } else if byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") {
        quote = byte
      }
      end = utf8.index(after: end)
    }
    let tag = utf8[start..<end], ends = tag.firstIndex { $0 <= UInt8(ascii: " ") || $0 == UInt8(ascii: "/") } ?? end
    let name = tag[..<ends], local = name.lastIndex(of: UInt8(ascii: ":")).map { name[name.index(after: $0)...] } ?? name
    utf8 = utf8[end...]
    return Tag(name: String(Substring(local)), isClosing: isClosing, rest: text[ends..<end])
  }

  /// What never ends hides nothing: then every tag in it counts.
  private mutating func skip(to end: StaticString) {
    let wanted = end.withUTF8Buffer { Array($0) }
    var rest = utf8
    while let index = rest.firstIndex(of: wanted[0]) {
      rest = rest[index...]
      if rest.starts(with: wanted) {
        utf8 = rest.dropFirst(wanted.count)
        return
      }
      rest = rest.dropFirst()
    }
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }

  private static func lastWord(of bytes: Substring.UTF8View) -> Substring.UTF8View {
    guard let last = bytes.lastIndex(where: { !isBlank($0) }) else { return bytes[bytes.endIndex...] }
    let end = bytes.index(after: last), blank = bytes[..<end].lastIndex(where: isBlank)
    return bytes[(blank.map { bytes.index(after: $0) } ?? bytes.startIndex)..<end]
  }

  private static let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")]

  private static func plain(_ text: String) -> String {
    guard text.utf8.contains(UInt8(ascii: "&")) else { return text }
    return entities.reduce(text) { $0.replacing($1.0, with: $1.1) }
  }
}
