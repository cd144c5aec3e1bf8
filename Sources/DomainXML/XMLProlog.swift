import Foundation

/// The text before the root element: a document type is refused there before anything can be expanded or fetched.
struct XMLProlog {
  let text: [UInt8]

  init(_ text: String) { self.text = Array(text.utf8) }

  var flaw: DomainOutline.Flaw? { instruction ?? documentType }

  /// FoundationXML ends the process on an instruction without data, and no domain needs one.
  private var instruction: DomainOutline.Flaw? {
    var position = text.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    while position < text.count, [0x20, 0x09, 0x0A, 0x0D].contains(text[position]) { position += 1 }
    if starts("<?xml", at: position) { position += 5 }
    return find("<?", from: position).map {
      .init(
        place: place($0), expected: "domain XML without processing instructions", found: "a <?…?>", remedy: "Remove it.")
    }
  }

  private var documentType: DomainOutline.Flaw? {
    var position = text.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    while true {
      while position < text.count, [0x20, 0x09, 0x0A, 0x0D].contains(text[position]) { position += 1 }
      if starts("<?", at: position) {
        guard let end = find("?>", from: position) else { return nil }
        if let encoding = encoding(text[position..<end]), !["utf-8", "us-ascii"].contains(encoding.lowercased()) {
          return .init(
            place: place(position), expected: "XML in UTF-8", found: "encoding='\(encoding.prefix(120))'",
            remedy: "Save it as UTF-8 and correct the declaration.")
        }
        position = end + 2
      } else if starts("<!--", at: position) {
        guard let end = find("-->", from: position) else { return nil }
        position = end + 3
      } else if starts("<!", at: position) {
        return .init(
          place: place(position), expected: "domain XML without a document type", found: "a <!DOCTYPE>",
          remedy: "Remove it: entities are not expanded, and nothing is fetched.")
      } else {
        return nil
      }
    }
  }

  private func starts(_ sign: String, at position: Int) -> Bool { text[position...].starts(with: sign.utf8) }

  private func find(_ sign: String, from position: Int) -> Int? {
    (min(position, text.count)..<text.count).first { text[$0...].starts(with: sign.utf8) }
  }

  private func encoding(_ declaration: ArraySlice<UInt8>) -> String? {
    let text = String(decoding: declaration, as: UTF8.self)
    guard text.hasPrefix("<?xml"), let name = text.range(of: "encoding") else { return nil }
    let rest = text[name.upperBound...].drop { $0.isWhitespace || $0 == "=" }
    guard let quote = rest.first, quote == "'" || quote == "\"" else { return nil }
    return String(rest.dropFirst().prefix { $0 != quote })
  }

  private func place(_ position: Int) -> DomainOutline.Place {
    let before = text[..<position]
    let start = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    return DomainOutline.Place(
      line: before.count { $0 == 0x0A } + 1, column: String(decoding: before[start...], as: UTF8.self).unicodeScalars.count + 1)
  }
}
