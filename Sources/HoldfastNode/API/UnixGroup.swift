import Glibc

/// The number of a Unix group of this host, by its name or number; nil: there is none of that name. Blocks: the name service may ask the
/// network.
func groupNumber(of name: String) -> UInt32? {
  if let number = UInt32(name) { return number }
  guard !name.isEmpty, name.utf8.count <= 64, !name.utf8.contains(0) else { return nil }
  var entry = group(), found: UnsafeMutablePointer<group>?
  // A group's entry lists its members: large at some sites.
  var buffer = [CChar](repeating: 0, count: 1 << 20)
  guard getgrnam_r(name, &entry, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
  return entry.gr_gid
}
