import Foundation
import FoundationXML

/// What a libvirt domain's XML says of itself, as written, with places in its text. Every text that is to be a domain is read here first:
/// where it is not well-formed it is refused in the same words, whoever wrote it.
package struct DomainOutline: Hashable, Sendable {
  /// Counts from 1; columns count Unicode scalars.
  package struct Place: Hashable, Sendable {
    package var line: Int
    package var column: Int

    package init(line: Int, column: Int) {
      self.line = line
      self.column = column
    }
  }

  /// Why a text is no domain's XML.
  package struct Flaw: Hashable, Error, CustomStringConvertible {
    package var place: Place
    /// As the end of "expected …".
    package var expected: String
    /// As the end of "found …".
    package var found: String
    /// One sentence.
    package var remedy: String

    package var description: String { "line \(place.line): expected \(expected), found \(found)" }
  }

  /// An element that Holdfast needs something of.
  package struct Element: Hashable, Sendable {
    package enum Kind: Hashable, Sendable { case uuid, memory, vcpu, partition, interface }

    package var kind: Kind
    package var place: Place
    package var attributes: [String: String]
    /// Without blanks around it.
    package var text: String
  }

  /// The root element's `type`, such as "lxc".
  package var type: String?
  package var place: Place
  /// In the text's order.
  package var elements: [Element] = []

  /// As written, of the first `<uuid>`.
  package var uuid: String? { elements.first { $0.kind == .uuid }?.text }

  /// - Returns: what was read before the flaw, where there is one; no outline when the text is no domain at all.
  package static func read(_ text: String) -> (outline: DomainOutline?, flaw: Flaw?) {
    let markup = XMLMarkup(text)
    if let flaw = markup.flaw { return (nil, flaw) }
    let scan = DomainScan(markup.tags)
    let parser = XMLParser(data: Data(text.utf8))
    parser.shouldResolveExternalEntities = false
    parser.delegate = scan
    // Its result does not tell: it is true for some texts with errors. The errors come to the delegate.
    _ = parser.parse()
    return scan.result()
  }

  /// The partitions that a domain's XML names, as libvirt writes it, even where it cannot be read.
  package static func partitions(named text: String) -> [String] {
    text.matches(of: /<partition>([^<]*)<\/partition>/).map { String($0.1) }
  }

  /// A size in MiB, rounded up; nil when it is none that libvirt takes. `k` and `KiB` are 1024 bytes, `KB` is 1000, and so on.
  package static func mebibytes(_ text: String, unit: String?) -> Int? {
    guard let number = Int64(text), number > 0 else { return nil }
    let unit = (unit ?? "KiB").lowercased()
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

/// Listens to the parser and keeps what `DomainOutline` needs.
private final class DomainScan: XMLParserDelegate {
  /// Where the start tags begin, in the text's order.
  private let tags: [DomainOutline.Place]
  private var started = 0
  private var open: [String] = []
  private var outline: DomainOutline?
  private var flaw: DomainOutline.Flaw?
  /// The element whose text is being collected, and how deep it lies.
  private var wanted: (element: DomainOutline.Element, depth: Int)?

  /// libxml2's own limit, which libvirt keeps.
  private static let depthLimit = 256
  private static let wantedPaths: [[String]: DomainOutline.Element.Kind] = [
    ["domain", "uuid"]: .uuid, ["domain", "memory"]: .memory, ["domain", "vcpu"]: .vcpu,
    ["domain", "resource", "partition"]: .partition, ["domain", "devices", "interface"]: .interface
  ]

  init(_ tags: [DomainOutline.Place]) { self.tags = tags }

  func result() -> (DomainOutline?, DomainOutline.Flaw?) {
    if outline == nil, flaw == nil {
      report(
        .init(line: 1, column: 1), "domain XML", "nothing", "Start with <domain type='lxc'> or <domain type='kvm'>.")
    }
    return (outline, flaw)
  }

  func parser(
    _ parser: XMLParser, didStartElement element: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String] = [:]
  ) {
    guard flaw == nil else { return }
    // The parser tells where the tag ends.
    let place = tags.indices.contains(started) ? tags[started] : .init(line: max(parser.lineNumber, 1), column: 1)
    started += 1
    open.append(element)
    if open.count > Self.depthLimit {
      report(
        place, "elements nested at most \(Self.depthLimit) deep", "more",
        "Nest less deeply: libvirt refuses this too.")
      return stop(parser)
    }
    if open.count == 1 { root(element, place, attributes, parser) }
    if open.count <= 3, let kind = Self.wantedPaths[open] {
      wanted = (DomainOutline.Element(kind: kind, place: place, attributes: attributes, text: ""), open.count)
    }
  }

  func parser(_ parser: XMLParser, foundCharacters string: String) { wanted?.element.text += string }

  func parser(_ parser: XMLParser, foundCDATA data: Data) { wanted?.element.text += String(decoding: data, as: UTF8.self) }

  func parser(_ parser: XMLParser, didEndElement element: String, namespaceURI: String?, qualifiedName: String?) {
    guard flaw == nil else { return }
    if var found = wanted, found.depth == open.count {
      found.element.text = found.element.text.trimmingCharacters(in: .whitespacesAndNewlines)
      outline?.elements.append(found.element)
      wanted = nil
    }
    if !open.isEmpty { open.removeLast() }
  }

  func parser(_ parser: XMLParser, parseErrorOccurred error: any Error) {
    guard flaw == nil else { return }
    let (expected, found, remedy) = explain((error as NSError).code)
    report(.init(line: max(parser.lineNumber, 1), column: max(parser.columnNumber, 1)), expected, found, remedy)
    stop(parser)
  }

  private func root(
    _ element: String, _ place: DomainOutline.Place, _ attributes: [String: String], _ parser: XMLParser
  ) {
    guard element == "domain" else {
      report(place, "<domain> as the root element", "<\(element)>", "Take the output of 'virsh dumpxml NAME'.")
      return stop(parser)
    }
    outline = DomainOutline(type: attributes["type"], place: place)
  }

  private func explain(_ code: Int) -> (expected: String, found: String, remedy: String) {
    let last = open.last.map { "</\($0)>" }
    switch code {
    case 73: return ("'>' at the end of a tag", "something else", "Write '>' there.")
    case 76:
      return (
        "\(last ?? "no closing tag")", "another closing tag", "Close the elements in the order in which they were opened."
      )
    case 77,
      5 where last != nil:
      return (last ?? "", "the end of the XML, or a broken tag", "Close every element.")
    case 4, 5: return ("one <domain> element and nothing besides", "other text", "Remove what is before or after it.")
    case 9: return ("text", "a character that XML does not allow", "Remove it.")
    case 26: return ("XML's own entities", "one that is not declared", "Write '&amp;' for '&'.")
    case 23, 68: return ("a name after '<' or '&'", "something else", "Write '&lt;' for '<' and '&amp;' for '&'.")
    case 38, 39, 41: return ("attributes as name='value'", "one without quotes or value", "Write name='value'.")
    case 42: return ("every attribute once", "one twice", "Remove one of the two.")
    case 64: return ("'<?xml' at the very start", "something before it", "Remove the empty line or text before it.")
    case 201: return ("a declared namespace prefix", "an undeclared one", "Declare it on <domain>, as in xmlns:qemu='…'.")
    default: return ("well-formed XML", "text that is not (libxml2's error \(code))", "Check the text here with xmllint.")
    }
  }

  private func report(_ place: DomainOutline.Place, _ expected: String, _ found: String, _ remedy: String) {
    flaw = DomainOutline.Flaw(place: place, expected: expected, found: found, remedy: remedy)
  }

  private func stop(_ parser: XMLParser) {
    wanted = nil
    parser.abortParsing()
  }
}
