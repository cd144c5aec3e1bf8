/// What becomes of a virtual machine that libvirt paused because a disk of it has an I/O error.
public enum OnIOError: String, Sendable, Codable, CaseIterable {
  /// It is resumed now and then, until its disk answers again.
  case resume
  /// It is ended and started anew, which counts like an end.
  case restart
  /// It stays paused until somebody acts; its state says so.
  case leave
}
