import CLibvirt
import Glibc
import HoldfastModel

/// libvirt's own account of what went wrong.
package struct LibvirtError: Error, Equatable {
  package var code: Int32
  /// The part of libvirt that reports it.
  package var source: Int32
  package var message: String
  /// The system's, where it was the system that refused; 0: it was not.
  package var number: Int32 = 0
  /// It kept the call from being made at all.
  var isBeforehand = false

  package init(code: Int32, source: Int32, message: String, number: Int32 = 0) {
    self.code = code
    self.source = source
    self.message = message
    self.number = number
  }

  /// The calling thread's last error: read it before anything else is called, and before any suspension.
  static func last() -> LibvirtError {
    guard let error = virGetLastError() else {
      return LibvirtError(code: Int32(VIR_ERR_INTERNAL_ERROR.rawValue), source: 0, message: "libvirt gives no reason")
    }
    let message = error.pointee.message.map { String(cString: $0) } ?? "libvirt gives no reason"
    let isOfSystem = Int32(error.pointee.code) == Int32(VIR_ERR_SYSTEM_ERROR.rawValue)
    return LibvirtError(
      code: Int32(error.pointee.code), source: Int32(error.pointee.domain), message: message,
      number: isOfSystem ? error.pointee.int1 : 0)
  }

  func `is`(_ codes: virErrorNumber...) -> Bool { codes.contains { Int32($0.rawValue) == code } }

  /// The conversation with libvirtd broke off: what became of the call is not known. That an old libvirtd does not know a call is an answer.
  var lostConnection: Bool { !isBeforehand && source == Int32(VIR_FROM_RPC.rawValue) && !self.is(VIR_ERR_NO_SUPPORT) }

  /// The same, when it came from connecting.
  var beforeAnythingWasAsked: LibvirtError {
    var error = self
    error.isBeforehand = true
    return error
  }

  /// What stands in the way of a live migration that ended with this error, and is nothing of the domain's own; nil: it is the domain's.
  ///
  /// Codes tell as far as libvirt has them. For the rest it has none of its own: the source passes on, in words, what the target's libvirt or the connection
  /// to it said. Those words are in libvirtd's language (`ConnectionHandle.speaksEnglish`); what it quotes, such as the destination, is in none.
  package func hindrance(movingTo destination: String) -> Hindrance? {
    // The lock of a domain's state, for which libvirt waited 30 s.
    if self.is(VIR_ERR_BLOCK_COPY_ACTIVE, VIR_ERR_OPERATION_TIMEOUT)
      || contains("active block job", "active backup job", "block copy", "state change lock")
    {
      return .busy
    }
    if self.is(VIR_ERR_NO_CONNECT, VIR_ERR_AUTH_FAILED, VIR_ERR_AUTH_CANCELLED, VIR_ERR_AUTH_UNAVAILABLE, VIR_ERR_RPC)
      || source == Int32(VIR_FROM_RPC.rawValue) || Self.unreachable.contains(number)
      || self.is(VIR_ERR_OPERATION_FAILED) && message.contains(destination)
      || contains(
        "to the same host", "certificate", "tls peer", "tls session", "tls handshake", "no route to host", "connection refused",
        "unable to resolve address", "name or service not known")
    {
      return .target
    }
    return nil
  }

  /// The system's numbers for a host that cannot be reached.
  private static let unreachable: Set<Int32> = [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EHOSTDOWN]

  private func contains(_ texts: String...) -> Bool {
    let message = message.lowercased()
    return texts.contains(where: message.contains)
  }

  var noSuchDomain: Bool { self.is(VIR_ERR_NO_DOMAIN) }

  /// The message and what to do about it.
  var explained: String {
    let remedy = remedy
    return remedy.isEmpty ? message : "\(message). \(remedy)"
  }

  private var remedy: String {
    if source == Int32(VIR_FROM_RPC.rawValue) || self.is(VIR_ERR_NO_CONNECT) { return "Check that libvirtd runs on this node" }
    if message.contains("cgroup") {
      return "Check that the guard runs on this node: it makes the partition's cgroups before anything is started in them"
    }
    if self.is(
      VIR_ERR_XML_ERROR, VIR_ERR_XML_DETAIL, VIR_ERR_XML_INVALID_SCHEMA, VIR_ERR_CONFIG_UNSUPPORTED, VIR_ERR_OS_TYPE,
      VIR_ERR_INVALID_ARG)
    {
      return "Correct the workload's domain XML"
    }
    if self.is(VIR_ERR_DOM_EXIST) { return "Undefine the other domain, or rename it while it is shut off" }
    if self.is(VIR_ERR_NO_NETWORK) { return "Define and start that libvirt network on this node" }
    if self.is(VIR_ERR_NO_MEMORY) { return "Free memory on this node, or lower the workload's" }
    if self.is(VIR_ERR_AUTH_FAILED, VIR_ERR_AUTH_CANCELLED, VIR_ERR_AUTH_UNAVAILABLE, VIR_ERR_ACCESS_DENIED) {
      return "Let the user that holdfastd runs as use libvirt's socket"
    }
    if message.contains("No such device") || message.contains("Cannot get interface") {
      return "Make that bridge or link on this node, or correct the workload's domain XML"
    }
    if message.contains("No such file or directory") {
      return "Provide that file on this node, or correct the workload's domain XML"
    }
    return ""
  }
}

/// A C function's verdict as an error.
func check(_ result: Int32) throws(LibvirtError) {
  if result < 0 { throw .last() }
}
