extension SpecRecord {
  /// Tells one domain XML from another in a few letters: FNV-1a, 64 bits. For people who change definitions, not against people who forge them.
  public var definition: String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in xml.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return String(hash, radix: 16)
  }
}
