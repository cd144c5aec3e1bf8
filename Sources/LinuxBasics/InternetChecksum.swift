/// The Internet's checksum (RFC 1071). Where its own place holds zeros it is what belongs there; over all that came it is 0, unless something changed
/// on the way.
package func internetChecksum(_ bytes: [UInt8]) -> UInt16 {
  var sum: UInt32 = 0
  for index in bytes.indices {
    sum += index.isMultiple(of: 2) ? UInt32(bytes[index]) << 8 : UInt32(bytes[index])
    // At once, so that no length is too much for it.
    sum = (sum & 0xFFFF) + (sum >> 16)
  }
  return ~UInt16(truncatingIfNeeded: sum)
}
