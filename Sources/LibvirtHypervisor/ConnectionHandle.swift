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

/// Owns one connection to libvirt, with its callbacks. Closed when the last owner lets go.
///
/// @unchecked: libvirt documents that a connection may be used by any number of threads at once; the pointer never changes,
/// and it is closed in `deinit` only, when no thread has it any more.
final class ConnectionHandle: @unchecked Sendable {
  private let raw: virConnectPtr
  private let callbacks: [Int32]

  /// Connects and registers for everything that is told unasked. Blocks.
  ///
  /// - Parameter silence: seconds without an answer until libvirtd counts as gone.
  init(uri: String, silence: UInt32, hear: @escaping @Sendable (ConnectionNotice) -> Void) throws(LibvirtError) {
    guard EventLoop.running else {
      throw LibvirtError(
        code: Int32(VIR_ERR_INTERNAL_ERROR.rawValue), source: 0, message: "libvirt's event loop does not start")
    }
    guard let raw = virConnectOpenAuth(uri, nil, 0) else { throw .last() }
    let listener = Listener(hear)
    do throws(LibvirtError) {
      callbacks = try listener.register(with: raw)
    } catch {
      virConnectClose(raw)
      throw error
    }
    self.raw = raw
    // The test driver refuses both: it lives in this process and cannot be lost.
    virConnectSetKeepAlive(raw, 1, silence)
    let retained = Unmanaged.passRetained(listener)
    if virConnectRegisterCloseCallback(raw, Listener.closed, retained.toOpaque(), Listener.release) < 0 { retained.release() }
  }

  deinit {
    // Proof of nonisolated(unsafe): the only owner of the pointer is going, and the closure is the only one to have it then.
    nonisolated(unsafe) let raw = raw
    let callbacks = callbacks
    // libvirt says goodbye to libvirtd here, which blocks as long as libvirtd is stopped or busy. Each callback holds a
    // reference of its own to the connection.
    let close: @Sendable () -> Void = {
      for id in callbacks { virConnectDomainEventDeregisterAny(raw, id) }
      virConnectUnregisterCloseCallback(raw, Listener.closed)
      virConnectClose(raw)
    }
    if !Threads.start("virt-close", close) { close() }
  }

  /// The active domains.
  func activeDomains() throws(LibvirtError) -> [DomainPointer] { try list(VIR_CONNECT_LIST_DOMAINS_ACTIVE.rawValue) }

  /// Domains that libvirt still knows although they are neither active nor defined: it lost them.
  func lostDomains() throws(LibvirtError) -> [DomainPointer] {
    try list(VIR_CONNECT_LIST_DOMAINS_INACTIVE.rawValue | VIR_CONNECT_LIST_DOMAINS_TRANSIENT.rawValue)
  }

  /// nil when there is no domain of that name, active or not.
  func domain(named name: String) throws(LibvirtError) -> DomainPointer? {
    guard let domain = virDomainLookupByName(raw, name) else { return try nothing() }
    return DomainPointer(owning: domain)
  }

  /// nil when there is no domain of that UUID, active or not.
  func domain(uuid: String) throws(LibvirtError) -> DomainPointer? {
    guard let domain = virDomainLookupByUUIDString(raw, uuid) else { return try nothing() }
    return DomainPointer(owning: domain)
  }

  /// Starts a transient domain.
  func create(xml: String) throws(LibvirtError) {
    guard let domain = virDomainCreateXML(raw, xml, 0) else { throw .last() }
    virDomainFree(domain)
  }

  /// Defines a domain persistently, or changes its definition.
  func define(xml: String) throws(LibvirtError) {
    guard let domain = virDomainDefineXMLFlags(raw, xml, 0) else { throw .last() }
    virDomainFree(domain)
  }

  private func list(_ flags: UInt32) throws(LibvirtError) -> [DomainPointer] {
    var domains: UnsafeMutablePointer<virDomainPtr?>?
    let count = virConnectListAllDomains(raw, &domains, flags)
    try check(count)
    defer { free(domains) }
    return (0..<Int(count)).compactMap { index in domains?[index].map { DomainPointer(owning: $0) } }
  }

  private func nothing() throws(LibvirtError) -> DomainPointer? {
    let error = LibvirtError.last()
    if error.noSuchDomain { return nil }
    throw error
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
      (VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, clibvirt_device_removed(Self.device))
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

  private static func of(_ raw: UnsafeMutableRawPointer?) -> Listener? {
    raw.map { Unmanaged<Listener>.fromOpaque($0).takeUnretainedValue() }
  }
  private static func name(of domain: virDomainPtr?) -> String? {
    domain.flatMap { virDomainGetName($0) }.map { String(cString: $0) }
  }
}
