/// Walks through an XML text's markup before the parser does, once from end to end: it finds what is refused before the parser sees it, and
/// where each start tag begins, which the parser does not tell.
///
/// As far as a text is well-formed, it agrees with the parser on what is markup; where a text is not, the parser stops.
struct XMLMarkup {
  private(set) var flaw: DomainOutline.Flaw?
  /// Where the start tags begin, in the text's order.
  private(set) var tags: [DomainOutline.Place] = []

  private let text: [UInt8]
  private var position = 0
  /// Of `position`.
  private var place = DomainOutline.Place(line: 1, column: 1)

  init(_ text: String) {
    self.text = Array(text.utf8)
    passDeclaration()
    while flaw == nil, go(to: "<") { takeMarkup() }
  }

  private mutating func takeMarkup() {
    if begins("<!--") {
      pass("-->", from: 4)
    } else if begins("<?") {
      // FoundationXML ends the process on an instruction without data, and no domain needs one.
      flaw = .init(
        place: place, expected: "domain XML without processing instructions", found: "a <?…?>", remedy: "Remove it.")
    } else if begins("<!") {
      if tags.isEmpty {
        // Refused here, before anything can be expanded or fetched.
        flaw = .init(
          place: place, expected: "domain XML without a document type", found: "a <!DOCTYPE>",
          remedy: "Remove it: entities are not expanded, and nothing is fetched.")
      } else if begins("<![CDATA[") {
        pass("]]>", from: 9)
      } else {
        go(by: 2)
      }
    } else {
      if !begins("</") { tags.append(place) }
      go(by: 1)
    }
  }

  private mutating func passDeclaration() {
    if begins("\u{FEFF}") { go(by: 3) }
    while position < text.count, Self.isBlank(text[position]) { go(by: 1) }
    guard begins("<?xml"), position + 5 < text.count, Self.isBlank(text[position + 5]) else { return }
    let (start, opening) = (position, place)
    guard go(to: "?>") else { return }
    guard let encoding = Self.encoding(text[start..<position]), !["utf-8", "us-ascii"].contains(encoding.lowercased()) else {
      return go(by: 2)
    }
    flaw = .init(
      place: opening, expected: "XML in UTF-8", found: "encoding='\(encoding.prefix(120))'",
      remedy: "Save it as UTF-8 and correct the declaration.")
  }

  private static func encoding(_ declaration: ArraySlice<UInt8>) -> String? {
    let text = String(decoding: declaration, as: UTF8.self)
    guard let name = text.firstRange(of: "encoding") else { return nil }
    let rest = text[name.upperBound...].drop { $0.isWhitespace || $0 == "=" }
    guard let quote = rest.first, quote == "'" || quote == "\"" else { return nil }
    return String(rest.dropFirst().prefix { $0 != quote })
  }

  private static func isBlank(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0A, 0x0D].contains(byte) }

  // MARK: moving on

  private func begins(_ sign: String) -> Bool { text[position...].starts(with: sign.utf8) }

  private mutating func go(by bytes: Int) {
    for _ in 0..<bytes where position < text.count {
      let byte = text[position]
      if byte == 0x0A {
        place = .init(line: place.line + 1, column: 1)
      } else if byte & 0xC0 != 0x80 {
        // The first byte of a Unicode scalar.
        place.column += 1
      }
      position += 1
    }
  }

  /// Goes to where `sign` begins, or to the end of the text; false then.
  private mutating func go(to sign: String) -> Bool {
    let first = sign.utf8.first
    while position < text.count {
      if text[position] == first, begins(sign) { return true }
      go(by: 1)
    }
    return false
  }

  /// Goes behind what ends with `sign`, to be found `bytes` behind the beginning at the earliest.
  private mutating func pass(_ sign: String, from bytes: Int) {
    go(by: bytes)
    if go(to: sign) { go(by: sign.utf8.count) }
  }
}
