extension SpecRecord {
  /// Tells one domain XML from another in a few letters. For people who change definitions, not against people who forge them.
  public var definition: String { xml.fingerprint }
}

extension String {
  /// FNV-1a, 64 bits, in hexadecimal.
  package var fingerprint: String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return String(hash, radix: 16)
  }

  /// In one line and of bounded length; two that differ stay different.
  package var bounded: String {
    let line = InWords.oneLine(self)
    return line.utf8.count <= 512 ? line : "\(line.prefix(120))…\(line.fingerprint)"
  }
}
