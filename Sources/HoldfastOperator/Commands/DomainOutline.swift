/// What a domain XML says of itself, read before it goes into the store: a file that is not a domain is refused when the operator
/// stands in front of it, not when a node has to start it at night.
///
/// It checks that the elements nest; what they mean is libvirt's to judge.
public struct DomainOutline: Hashable, Sendable {
  /// As written.
  public private(set) var uuid: String?

  /// Why a text is not a domain's XML; `line` counts from 1.
  public struct Flaw: Error, Hashable, Sendable {
    public var line: Int
    public var reason: String
  }

  public init(_ xml: String) throws(Flaw) {
    var reader = Reader(bytes: Array(xml.utf8))
    try reader.readDocument()
    uuid = reader.uuid
  }
}

private struct Reader {
  let bytes: [UInt8]
  var at = 0
  var open: [String] = []
  /// The text of the root's first child of that name.
  var uuid: String?
  private var text = ""
  private var rootSeen = false
  private var markupSeen = false

  init(bytes: [UInt8]) { self.bytes = bytes }

  mutating func readDocument() throws(DomainOutline.Flaw) {
    while at < bytes.count {
      guard bytes[at] == UInt8(ascii: "<") else {
        try readText()
        continue
      }
      let isFirst = !markupSeen
      markupSeen = true
      if skips("<!--") {
        try skip(to: "-->", of: "a comment")
      } else if isFirst, skips("<?xml") {
        try skip(to: "?>", of: "the XML declaration")
      } else if skips("<?") {
        throw flaw("it has a processing instruction, which a domain's XML does not need")
      } else if skips("<![CDATA[") {
        let start = at
        try skip(to: "]]>", of: "a CDATA section")
        text += String(decoding: bytes[start..<(at - 3)], as: UTF8.self)
      } else if skips("<!") {
        throw flaw("it has a document type, which a domain's XML does not need")
      } else if skips("</") {
        try close(readName())
      } else {
        at += 1
        try readElement()
      }
    }
    if let element = open.last { throw flaw("<\(element)> is not closed") }
    if !rootSeen { throw flaw("there is no <domain> element") }
  }

  private mutating func readElement() throws(DomainOutline.Flaw) {
    let element = try readName()
    if open.isEmpty {
      guard !rootSeen else { throw flaw("there is a second element <\(element)> after the domain") }
      guard element == "domain" else { throw flaw("the outermost element is <\(element)>, not <domain>") }
      rootSeen = true
    }
    open.append(element)
    text = ""
    while true {
      skipSpace()
      if skips("/>") { return try closed(element) }
      if skips(">") { return }
      let attribute = try readName()
      skipSpace()
      guard skips("=") else { throw flaw("the attribute \(attribute) of <\(element)> has no value") }
      skipSpace()
      try skipQuoted(attribute)
    }
  }

  private mutating func readText() throws(DomainOutline.Flaw) {
    let start = at
    while at < bytes.count, bytes[at] != UInt8(ascii: "<") { at += 1 }
    let piece = String(decoding: bytes[start..<at], as: UTF8.self)
    if open.isEmpty, !piece.allSatisfy({ $0.isWhitespace || $0 == "\u{FEFF}" }) {
      throw flaw("there is text outside of <domain>")
    }
    if open.count == 2 { text += piece }
  }

  private mutating func skipQuoted(_ attribute: String) throws(DomainOutline.Flaw) {
    guard at < bytes.count, bytes[at] == UInt8(ascii: "'") || bytes[at] == UInt8(ascii: "\"") else {
      throw flaw("the value of the attribute \(attribute) is not in quotes")
    }
    let quote = bytes[at]
    at += 1
    while at < bytes.count, bytes[at] != quote, bytes[at] != UInt8(ascii: "<") { at += 1 }
    guard at < bytes.count, bytes[at] == quote else { throw flaw("the value of the attribute \(attribute) does not end") }
    at += 1
  }

  private mutating func close(_ element: String) throws(DomainOutline.Flaw) {
    skipSpace()
    guard skips(">") else { throw flaw("</\(element) is not finished") }
    guard open.last == element else {
      throw flaw(open.last.map { "</\(element)> stands where </\($0)> was expected" } ?? "</\(element)> was never opened")
    }
    try closed(element)
  }

  private mutating func closed(_ element: String) throws(DomainOutline.Flaw) {
    if open.count == 2, element == "uuid", uuid == nil { uuid = String(text.trimming(while: \.isWhitespace)) }
    open.removeLast()
  }

  private mutating func readName() throws(DomainOutline.Flaw) -> String {
    let start = at
    while at < bytes.count, isNamePart(bytes[at]) { at += 1 }
    guard at > start else { throw flaw("a name is missing after '<'") }
    return String(decoding: bytes[start..<at], as: UTF8.self)
  }

  private func isNamePart(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: ":"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."), 0x80...:
      true
    default: false
    }
  }

  private mutating func skipSpace() {
    while at < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[at]) { at += 1 }
  }

  private mutating func skips(_ token: StaticString) -> Bool {
    let token = UnsafeBufferPointer(start: token.utf8Start, count: token.utf8CodeUnitCount)
    guard bytes[at...].starts(with: token) else { return false }
    at += token.count
    return true
  }

  private mutating func skip(to end: StaticString, of what: String) throws(DomainOutline.Flaw) {
    while at < bytes.count {
      if skips(end) { return }
      at += 1
    }
    throw flaw("\(what) does not end")
  }

  private func flaw(_ reason: String) -> DomainOutline.Flaw {
    DomainOutline.Flaw(line: bytes[..<min(at, bytes.count)].count { $0 == 0x0A } + 1, reason: reason)
  }
}

extension String {
  fileprivate func trimming(while isTrimmed: (Character) -> Bool) -> Substring {
    var rest = self[...]
    while let first = rest.first, isTrimmed(first) { rest = rest.dropFirst() }
    while let last = rest.last, isTrimmed(last) { rest = rest.dropLast() }
    return rest
  }
}
