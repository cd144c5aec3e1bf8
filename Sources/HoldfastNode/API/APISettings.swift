import HoldfastAPI

/// Where the API listens, and who may change something through it.
package struct APISettings: Hashable, Sendable {
  /// A Unix socket; `.new` is appended to it for the moment of its making. At most 103 bytes.
  package var socket: String
  /// A group's name or number: its members may open the socket and give commands. nil: root alone.
  package var operatorGroup: String?

  package init(socket: String = defaultSocketPath, operatorGroup: String? = nil) {
    self.socket = socket
    self.operatorGroup = operatorGroup
  }
}
