import HoldfastModel

/// A UUID that follows from names alone (RFC 9562, version 5): the same workload of the same cluster gets the same one on every node.
public enum NameUUID {
  /// Holdfast's own name space, drawn once.
  static let space: [UInt8] = [
    0x6B, 0x1F, 0x0C, 0x1E, 0x52, 0x3D, 0x4B, 0x7A, 0x9C, 0x55, 0x0E, 0x2A, 0x8F, 0x41, 0xD3, 0x77
  ]

  /// Lower case with dashes. `/` cannot stand in a name, so no two pairs give one text.
  public static func derived(cluster: String, workload: WorkloadName) -> String {
    var bytes = Array(sha1(space + Array("\(cluster)/\(workload)".utf8)).prefix(16))
    bytes[6] = bytes[6] & 0x0F | 0x50
    bytes[8] = bytes[8] & 0x3F | 0x80
    return text(bytes)
  }

  /// The usual form of a UUID, lower case with dashes; nil when the text is none. As libvirt does, it takes one with other dashes or none.
  public static func normalized(_ uuid: String) -> String? {
    var rest = uuid.lowercased().filter { $0 != "-" }[...]
    guard rest.utf8.count == 32, rest.allSatisfy({ $0.isASCII && $0.isHexDigit }) else { return nil }
    return [8, 4, 4, 4, 12].map { length in
      defer { rest = rest.dropFirst(length) }
      return String(rest.prefix(length))
    }.joined(separator: "-")
  }

  private static func text(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef")
    var text = ""
    for (index, byte) in bytes.enumerated() {
      if [4, 6, 8, 10].contains(index) { text.append("-") }
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return text
  }

  /// SHA-1 (RFC 3174). Version 5 asks for it; nothing here depends on its strength.
  static func sha1(_ message: [UInt8]) -> [UInt8] {
    var state: [UInt32] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0]
    let length = UInt64(message.count) * 8
    var padded = message + [0x80]
    while padded.count % 64 != 56 { padded.append(0) }
    padded += (0..<8).reversed().map { UInt8(truncatingIfNeeded: length >> (8 * UInt64($0))) }

    for block in stride(from: 0, to: padded.count, by: 64) {
      var words = (0..<16).map { word in (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(padded[block + word * 4 + $1]) } }
      for i in 16..<80 { words.append(rotated(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], by: 1)) }
      var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
      for i in 0..<80 {
        let (mix, constant): (UInt32, UInt32) =
          switch i {
          case 0..<20: (b & c | ~b & d, 0x5A82_7999)
          case 20..<40: (b ^ c ^ d, 0x6ED9_EBA1)
          case 40..<60: (b & c | b & d | c & d, 0x8F1B_BCDC)
          default: (b ^ c ^ d, 0xCA62_C1D6)
          }
        (a, b, c, d, e) = (rotated(a, by: 5) &+ mix &+ e &+ constant &+ words[i], a, rotated(b, by: 30), c, d)
      }
      for (index, value) in [a, b, c, d, e].enumerated() { state[index] &+= value }
    }
    return state.flatMap { word in (0..<4).reversed().map { UInt8(truncatingIfNeeded: word >> (8 * UInt32($0))) } }
  }

  private static func rotated(_ word: UInt32, by bits: UInt32) -> UInt32 { word << bits | word >> (32 - bits) }
}
