import Foundation
import FoundationXML
import HoldfastModel
import HoldfastOperator
import HoldfastYAML

/// What Holdfast needs to know of a workload's domain XML. libvirt judges the rest when the domain is started.
struct DefinedDomain: Hashable {
  /// The `type` attribute.
  var type: String
  /// Lower case with dashes.
  var uuid: String?
  /// MiB, rounded up.
  var memory: Int?
  var processors: Double?

  /// The connection that runs domains of this type.
  var connection: String? {
    switch type {
    case "lxc": "lxc:///system"
    case "kvm", "qemu": "qemu:///system"
    default: nil
    }
  }

  /// Something that is wrong in the XML, at a place within its text.
  struct Flaw: Hashable, Error {
    var place: FilePosition
    var expected: String
    var found: String
    var remedy: String
  }

  /// - Parameter limit: in bytes.
  /// - Returns: no facts when the text is no domain at all.
  static func read(_ text: String, limit: Int) -> (facts: DefinedDomain?, flaws: [Flaw]) {
    let top = FilePosition(line: 1, column: 1)
    guard text.utf8.count <= limit else {
      let flaw = Flaw(
        place: top, expected: "at most \(limit / 1024) KiB of XML", found: "\(text.utf8.count / 1024) KiB",
        remedy: "Shorten it.")
      return (nil, [flaw])
    }
    if let flaw = XMLProlog(text).flaw { return (nil, [flaw]) }
    let scan = DomainScan(text)
    let parser = XMLParser(data: Data(text.utf8))
    parser.shouldResolveExternalEntities = false
    parser.delegate = scan
    // Its result does not tell: it is true for some texts with errors. The errors come to the delegate.
    _ = parser.parse()
    return scan.result()
  }
}

/// The text before the root element: a document type is refused there before anything can be expanded or fetched.
private struct XMLProlog {
  let text: [UInt8]

  init(_ text: String) { self.text = Array(text.utf8) }

  var flaw: DefinedDomain.Flaw? { instruction ?? documentType }

  /// FoundationXML ends the process on an instruction without data, and no domain needs one.
  private var instruction: DefinedDomain.Flaw? {
    var position = text.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    while position < text.count, [0x20, 0x09, 0x0A, 0x0D].contains(text[position]) { position += 1 }
    if starts("<?xml", at: position) { position += 5 }
    return find("<?", from: position).map {
      .init(
        place: place($0), expected: "domain XML without processing instructions", found: "a <?…?>", remedy: "Remove it.")
    }
  }

  private var documentType: DefinedDomain.Flaw? {
    var position = text.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    while true {
      while position < text.count, [0x20, 0x09, 0x0A, 0x0D].contains(text[position]) { position += 1 }
      if starts("<?", at: position) {
        guard let end = find("?>", from: position) else { return nil }
        if let encoding = encoding(text[position..<end]), !["utf-8", "us-ascii"].contains(encoding.lowercased()) {
          return .init(
            place: place(position), expected: "XML in UTF-8", found: "encoding=\(YAMLValue.quote(encoding))",
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

  private func place(_ position: Int) -> FilePosition {
    let before = text[..<position]
    let start = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    return FilePosition(
      line: before.count { $0 == 0x0A } + 1, column: String(decoding: before[start...], as: UTF8.self).unicodeScalars.count + 1)
  }
}

/// Listens to the parser and keeps what `DefinedDomain` needs.
private final class DomainScan: XMLParserDelegate {
  private let lines: [Substring]
  private var open: [String] = []
  private var domain: DefinedDomain?
  private var flaws: [DefinedDomain.Flaw] = []
  /// The element whose text is being collected, with where it started and its attributes.
  private var wanted: (path: [String], place: FilePosition, attributes: [String: String], text: String)?
  private var isOver = false

  /// libxml2's own limit, which libvirt keeps.
  private static let depthLimit = 256
  private static let wantedPaths: [[String]] = [
    ["domain", "uuid"], ["domain", "memory"], ["domain", "vcpu"], ["domain", "resource", "partition"]
  ]

  init(_ text: String) { lines = text.split(separator: "\n", omittingEmptySubsequences: false) }

  func result() -> (DefinedDomain?, [DefinedDomain.Flaw]) {
    if domain == nil, flaws.isEmpty {
      report(
        FilePosition(line: 1, column: 1), "domain XML", "nothing", "Start with <domain type='lxc'> or <domain type='kvm'>.")
    }
    return (domain, flaws)
  }

  func parser(
    _ parser: XMLParser, didStartElement element: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String] = [:]
  ) {
    guard !isOver else { return }
    let place = start(of: element, before: parser)
    open.append(element)
    if open.count > Self.depthLimit {
      report(place, "elements nested at most \(Self.depthLimit) deep", "more", "Nest less deeply: libvirt refuses this too.")
      return stop(parser)
    }
    if open.count == 1 { root(element, attributes, place, parser) }
    if Self.wantedPaths.contains(open) { wanted = (open, place, attributes, "") }
  }

  func parser(_ parser: XMLParser, foundCharacters string: String) { wanted?.text += string }

  func parser(_ parser: XMLParser, foundCDATA data: Data) { wanted?.text += String(decoding: data, as: UTF8.self) }

  func parser(_ parser: XMLParser, didEndElement element: String, namespaceURI: String?, qualifiedName: String?) {
    guard !isOver else { return }
    if let found = wanted, found.path == open {
      take(found.path, found.place, found.attributes, found.text.trimmingCharacters(in: .whitespacesAndNewlines))
      wanted = nil
    }
    if !open.isEmpty { open.removeLast() }
  }

  func parser(_ parser: XMLParser, parseErrorOccurred error: any Error) {
    guard !isOver else { return }
    let place = FilePosition(line: max(parser.lineNumber, 1), column: max(parser.columnNumber, 1))
    let (expected, found, remedy) = explain((error as NSError).code)
    report(place, expected, found, remedy)
    stop(parser)
  }

  // MARK: judging

  private func root(_ element: String, _ attributes: [String: String], _ place: FilePosition, _ parser: XMLParser) {
    guard element == "domain" else {
      report(place, "<domain> as the root element", "<\(element)>", "Take the output of 'virsh dumpxml NAME'.")
      return stop(parser)
    }
    let domain = DefinedDomain(type: attributes["type"] ?? "")
    self.domain = domain
    if domain.connection == nil {
      report(
        place, "a domain of type lxc, kvm or qemu", attributes["type"].map { "type \(YAMLValue.quote($0))" } ?? "no type",
        "Write <domain type='lxc'> or <domain type='kvm'>.")
    }
  }

  private func take(_ path: [String], _ place: FilePosition, _ attributes: [String: String], _ text: String) {
    switch path.last {
    case "uuid":
      domain?.uuid = NameUUID.normalized(text)
      if domain?.uuid == nil {
        report(place, "a UUID of 32 hexadecimal digits", YAMLValue.quote(text), "Remove <uuid>: one is made, or correct it.")
      }
    case "memory":
      domain?.memory = Self.mebibytes(text, unit: attributes["unit"] ?? "KiB")
      if domain?.memory == nil {
        report(
          place, "memory such as <memory unit='MiB'>512</memory>",
          "\(YAMLValue.quote(text)) of unit '\(attributes["unit"] ?? "KiB")'",
          "Write a whole number and one of libvirt's units; without a unit it is KiB.")
      }
    case "vcpu":
      domain?.processors = Int(text).flatMap { (1...10_000).contains($0) ? Double($0) : nil }
      if domain?.processors == nil {
        report(place, "a number of processors", YAMLValue.quote(text), "Write a whole number, at least 1.")
      }
    default:
      // What dumpxml shows of a domain that had none of its own, or that Holdfast runs.
      if text == "/machine" || text == "/holdfast" || text.hasPrefix("/holdfast/") { break }
      report(
        place, "no partition of its own", YAMLValue.quote(text),
        "Remove <resource>: Holdfast puts its domains into the partition that the guard freezes.")
    }
  }

  private func explain(_ code: Int) -> (expected: String, found: String, remedy: String) {
    let last = open.last.map { "</\($0)>" }
    switch code {
    case 76:
      return (
        "\(last ?? "no closing tag")", "another closing tag", "Close the elements in the order in which they were opened."
      )
    case 77,
      5 where last != nil:
      return (last ?? "", "the end of the XML, or a broken tag", "Close every element.")
    case 4, 5: return ("one <domain> element and nothing besides", "other text", "Remove what is before or after it.")
    case 26: return ("XML's own entities", "one that is not declared", "Write '&amp;' for '&'.")
    case 23, 68: return ("a name after '<' or '&'", "something else", "Write '&lt;' for '<' and '&amp;' for '&'.")
    case 38, 39, 41: return ("attributes as name='value'", "one without quotes or value", "Write name='value'.")
    case 42: return ("every attribute once", "one twice", "Remove one of the two.")
    case 64: return ("'<?xml' at the very start", "something before it", "Remove the empty line or text before it.")
    case 201: return ("a declared namespace prefix", "an undeclared one", "Declare it on <domain>, as in xmlns:qemu='…'.")
    default: return ("well-formed XML", "text that is not (libxml2's error \(code))", "Check the text here with xmllint.")
    }
  }

  private func report(_ place: FilePosition, _ expected: String, _ found: String, _ remedy: String) {
    flaws.append(.init(place: place, expected: expected, found: found, remedy: remedy))
  }

  private func stop(_ parser: XMLParser) {
    isOver = true
    wanted = nil
    parser.abortParsing()
  }

  /// Where the element's tag starts: the parser tells where it ends.
  private func start(of element: String, before parser: XMLParser) -> FilePosition {
    let line = parser.lineNumber
    for number in stride(from: line, to: max(line - 20, 0), by: -1) where lines.indices.contains(number - 1) {
      if let range = lines[number - 1].range(of: "<\(element)", options: .backwards) {
        let column = lines[number - 1].unicodeScalars.distance(from: lines[number - 1].startIndex, to: range.lowerBound)
        return FilePosition(line: number, column: column + 1)
      }
    }
    return FilePosition(line: max(line, 1), column: 1)
  }

  // MARK: values

  /// libvirt's units: `k` and `KiB` are 1024, `KB` is 1000, and so on.
  private static func mebibytes(_ text: String, unit: String) -> Int? {
    guard let number = Int64(text), number > 0 else { return nil }
    let unit = unit.lowercased()
    var factor: Int64 = 1
    if !["b", "byte", "bytes"].contains(unit) {
      guard let letter = unit.first, let power = ["k", "m", "g", "t"].firstIndex(of: String(letter)) else { return nil }
      let base: Int64
      switch unit.dropFirst() {
      case "", "ib": base = 1024
      case "b": base = 1000
      default: return nil
      }
      for _ in 0...power { factor *= base }
    }
    let (bytes, overflow) = number.multipliedReportingOverflow(by: factor)
    let mebibyte: Int64 = 1024 * 1024
    return overflow ? nil : Int((bytes - 1) / mebibyte + 1)
  }
}
