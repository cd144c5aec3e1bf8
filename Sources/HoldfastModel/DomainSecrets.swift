/// Passwords that stand in a domain's XML: what libvirt, too, shows only to who asks for security information.
///
/// They are a console's `passwd` and the cookies of a disk that comes over HTTP. Others (a disk's key, its user's password) stand in libvirt's own
/// store of secrets, and the XML has their UUIDs alone.
public enum DomainSecrets {
  /// What stands in the place of each.
  public static let mask = "********"

  /// Attributes and elements of these names hold them.
  package static let names: Set<String> = ["cookie", "passwd", "password"]

  /// The XML with each of them masked.
  public static func masked(_ xml: String) -> String {
    var scan = SecretScan(xml)
    let values = scan.values()
    guard !values.isEmpty else { return xml }
    var masked: [UInt8] = [], last = 0
    for value in values {
      masked += scan.bytes[last..<value.lowerBound] + Array(mask.utf8)
      last = value.upperBound
    }
    return String(decoding: masked + scan.bytes[last...], as: UTF8.self)
  }

  /// One of them was masked: this XML is for reading alone, and a domain made from it would have the mask for its password.
  public static func areMasked(in xml: String) -> Bool {
    var scan = SecretScan(xml)
    return scan.values().contains { scan.bytes[$0].elementsEqual(mask.utf8) }
  }
}

/// Where the secrets are in a text: in one pass over its bytes, whatever it is.
private struct SecretScan {
  let bytes: [UInt8]
  /// Where what is searched for was found last, as long as that lies ahead; past the end: it is not there any more. So no part of the text is searched
  /// twice for the same.
  private var nearest: [[UInt8]: Int] = [:]

  init(_ xml: String) { bytes = Array(xml.utf8) }

  /// The values, without their quotes and without those that are empty, in their order.
  mutating func values() -> [Range<Int>] {
    var found: [Range<Int>] = [], place = 0
    while place < bytes.count {
      guard let value = attribute(at: place) ?? element(at: place) else {
        place += 1
        continue
      }
      if !value.isEmpty { found.append(value) }
      place = value.upperBound
    }
    return found
  }

  private struct Name {
    var text: [UInt8]
    /// `</cookie`
    var end: [UInt8]
  }
  private static let names = DomainSecrets.names.sorted().map { Name(text: Array($0.utf8), end: Array("</\($0)".utf8)) }

  /// ` passwd='value'`
  private mutating func attribute(at start: Int) -> Range<Int>? {
    guard Self.isSpace(bytes[start]) else { return nil }
    for name in Self.names where has(name.text, at: start + 1) {
      var place = afterSpace(start + 1 + name.text.count)
      // Another name that begins with this one.
      guard has(Self.equals, at: place) else { continue }
      place = afterSpace(place + 1)
      guard place < bytes.count, Self.quotes.contains(bytes[place]), let end = find([bytes[place]], from: place + 1) else {
        return nil
      }
      return place + 1..<end
    }
    return nil
  }

  private static let equals = Array("=".utf8), close = Array(">".utf8), quotes = Array("'\"".utf8)

  /// `<cookie name='a'>value</cookie>`
  private mutating func element(at start: Int) -> Range<Int>? {
    guard bytes[start] == UInt8(ascii: "<") else { return nil }
    for name in Self.names where has(name.text, at: start + 1) {
      let place = start + 1 + name.text.count
      guard place < bytes.count, Self.isSpace(bytes[place]) || has(Self.close, at: place) else { continue }
      guard let close = find(Self.close, from: place), bytes[close - 1] != UInt8(ascii: "/"),
        let end = find(name.end, from: close + 1)
      else { return nil }
      return close + 1..<end
    }
    return nil
  }

  private func has(_ word: [UInt8], at place: Int) -> Bool {
    place + word.count <= bytes.count && bytes[place..<place + word.count].elementsEqual(word)
  }

  private func afterSpace(_ start: Int) -> Int {
    var place = start
    while place < bytes.count, Self.isSpace(bytes[place]) { place += 1 }
    return place
  }

  private mutating func find(_ word: [UInt8], from start: Int) -> Int? {
    var place = nearest[word] ?? start
    if place < start { place = start }
    while place + word.count <= bytes.count {
      if bytes[place] == word[0], bytes[place..<place + word.count].elementsEqual(word) {
        nearest[word] = place
        return place
      }
      place += 1
    }
    nearest[word] = bytes.count
    return nil
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }
}
