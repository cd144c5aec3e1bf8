import CLibvirt
import Glibc

/// What an open connection says unasked, on libvirt's event thread.
enum ConnectionNotice: Sendable {
  /// A lifecycle event, in libvirt's numbers.
  case lifecycle(name: String, event: Int32, detail: Int32)
  /// Something of the domain that is otherwise taken to stay as it is has changed.
  case altered(name: String)
  case closed(reason: String)
}

/// A connection on which nothing is asked and everything is told: events, and that libvirtd is gone.
final class EventConnection: Sendable {
  private let connection: ConnectionHandle
  private let callbacks: [Int32]

  /// Connects and registers for everything that is told unasked. Blocks.
  ///
  /// - Parameters:
  ///   - silence: without a sign of life until libvirtd counts as gone; whole seconds, at least two.
  ///   - hear: called on libvirt's event thread.
  init(uri: String, silence: Duration, hear: @escaping @Sendable (ConnectionNotice) -> Void) throws(LibvirtError) {
    connection = try ConnectionHandle(uri: uri)
    let listener = Listener(hear)
    callbacks = try listener.register(with: connection.raw)
    let retained = Unmanaged.passRetained(listener)
    // The test driver refuses these two: it lives in this process and cannot be lost.
    if virConnectRegisterCloseCallback(connection.raw, Listener.closed, retained.toOpaque(), Listener.release) < 0 {
      retained.release()
    }
    // Last: from here on the event thread has the connection to itself.
    // libvirt gives up one interval after the last of so many unanswered questions.
    virConnectSetKeepAlive(connection.raw, 1, UInt32(clamping: silence.components.seconds - 1))
  }

  deinit {
    let (connection, callbacks) = (connection, callbacks)
    // Each callback holds a reference to the connection, so that it would never be closed. Blocks as closing does.
    let close: @Sendable () -> Void = {
      virConnectSetKeepAlive(connection.raw, 0, 0)
      for id in callbacks { virConnectDomainEventDeregisterAny(connection.raw, id) }
      virConnectUnregisterCloseCallback(connection.raw, Listener.closed)
    }
    if !Threads.start("virt-close", close) { close() }
  }
}

/// Takes libvirt's callbacks; kept alive by libvirt, once for each.
private final class Listener: Sendable {
  private let hear: @Sendable (ConnectionNotice) -> Void

  init(_ hear: @escaping @Sendable (ConnectionNotice) -> Void) { self.hear = hear }

  /// Registers every callback, or none.
  func register(with connection: virConnectPtr) throws(LibvirtError) -> [Int32] {
    let wanted: [(virDomainEventID, virConnectDomainEventGenericCallback?)] = [
      (VIR_DOMAIN_EVENT_ID_LIFECYCLE, clibvirt_lifecycle(Self.lifecycle)),
      (VIR_DOMAIN_EVENT_ID_METADATA_CHANGE, clibvirt_metadata(Self.metadata)),
      (VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, clibvirt_device_added(Self.device)),
      (VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, clibvirt_device_removed(Self.device)),
      (VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2, clibvirt_block_job(Self.blockJob))
    ]
    var registered: [Int32] = []
    for (kind, callback) in wanted {
      let retained = Unmanaged.passRetained(self)
      let id = virConnectDomainEventRegisterAny(
        connection, nil, Int32(kind.rawValue), callback, retained.toOpaque(), Self.release)
      if id < 0 {
        let error = LibvirtError.last()
        retained.release()
        for id in registered { virConnectDomainEventDeregisterAny(connection, id) }
        throw error
      }
      registered.append(id)
    }
    return registered
  }

  static let release: virFreeCallback = { raw in
    if let raw { Unmanaged<Listener>.fromOpaque(raw).release() }
  }
  static let closed: virConnectCloseFunc = { _, reason, raw in
    let words =
      switch virConnectCloseReason(UInt32(bitPattern: reason)) {
      case VIR_CONNECT_CLOSE_REASON_EOF: "libvirtd closed the connection: it stopped, or was restarted"
      case VIR_CONNECT_CLOSE_REASON_KEEPALIVE: "libvirtd does not answer"
      case VIR_CONNECT_CLOSE_REASON_CLIENT: "it was closed by us"
      default: "the connection to libvirtd broke"
      }
    of(raw)?.hear(.closed(reason: words))
  }
  private static let lifecycle: virConnectDomainEventCallback = { _, domain, event, detail, raw in
    if let name = name(of: domain) { of(raw)?.hear(.lifecycle(name: name, event: event, detail: detail)) }
    return 0
  }
  private static let metadata: virConnectDomainEventMetadataChangeCallback = { _, domain, _, _, raw in
    if let name = name(of: domain) { of(raw)?.hear(.altered(name: name)) }
  }
  private static let device: virConnectDomainEventDeviceAddedCallback = { _, domain, _, raw in
    if let name = name(of: domain) { of(raw)?.hear(.altered(name: name)) }
  }

  /// A disk was copied, or committed into what lies under it.
  private static let blockJob: virConnectDomainEventBlockJobCallback = { _, domain, _, _, _, raw in
    if let name = name(of: domain) { of(raw)?.hear(.altered(name: name)) }
  }

  private static func of(_ raw: UnsafeMutableRawPointer?) -> Listener? {
    raw.map { Unmanaged<Listener>.fromOpaque($0).takeUnretainedValue() }
  }
  private static func name(of domain: virDomainPtr?) -> String? {
    domain.flatMap { virDomainGetName($0) }.map { String(cString: $0) }
  }
}
