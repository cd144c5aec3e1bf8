import CLibvirt
import Glibc

/// Owns one connection to libvirt. Closed when the last owner lets go.
///
/// Used by one thread at a time. libvirt promises more, but before 10.4 its client lets a thread that waits for its answer leave
/// a pointer to its stack behind when another one calls, or a keepalive is sent (CVE-2024-4418; in Debian 12): the process
/// crashes, above all when libvirtd goes away. So calls have connections of their own, without keepalive.
///
/// @unchecked: the pointer never changes, and its users follow each other (`CallConnections`, `EventConnection`).
final class ConnectionHandle: @unchecked Sendable {
  let raw: virConnectPtr

  /// Connects. Blocks.
  init(uri: String) throws(LibvirtError) {
    guard EventLoop.running else {
      throw LibvirtError(
        code: Int32(VIR_ERR_INTERNAL_ERROR.rawValue), source: 0, message: "libvirt's event loop does not start")
    }
    guard let raw = virConnectOpenAuth(uri, nil, 0) else { throw .last() }
    self.raw = raw
  }

  deinit {
    // libvirt says goodbye to libvirtd here, which blocks as long as libvirtd is stopped or busy.
    // Proof of nonisolated(unsafe): the only owner of the pointer is going, and the closure is the only one to have it then.
    nonisolated(unsafe) let raw = raw
    let close: @Sendable () -> Void = { virConnectClose(raw) }
    if !Threads.start("virt-close", close) { close() }
  }

  /// Asks libvirtd for something that no domain has a part in.
  func ping() throws(LibvirtError) {
    var version: UInt = 0
    try check(virConnectGetLibVersion(raw, &version))
  }

  /// Whether libvirtd words its errors in English: asked for a domain that nobody has, it says so in the language of its own environment.
  func speaksEnglish() throws(LibvirtError) -> Bool {
    guard virDomainLookupByUUIDString(raw, Self.nobodys) == nil else { return true }
    let error = LibvirtError.last()
    guard error.noSuchDomain else { throw error }
    return error.message.hasPrefix("Domain not found")
  }

  private static let nobodys = "5f0c3b1e-8d5a-4c1f-9a52-0e7d6b3f4a91"

  /// The active domains.
  func activeDomains() throws(LibvirtError) -> [DomainPointer] { try list(VIR_CONNECT_LIST_DOMAINS_ACTIVE.rawValue) }

  /// Domains that libvirt still knows although they are neither active nor defined: it lost them.
  func lostDomains() throws(LibvirtError) -> [DomainPointer] {
    try list(VIR_CONNECT_LIST_DOMAINS_INACTIVE.rawValue | VIR_CONNECT_LIST_DOMAINS_TRANSIENT.rawValue)
  }

  /// The domains that are defined persistently, active or not; with `autostart`, only those that libvirt starts when the host boots.
  func definedDomains(autostart: Bool = false) throws(LibvirtError) -> [DomainPointer] {
    let defined = VIR_CONNECT_LIST_DOMAINS_PERSISTENT.rawValue
    return try list(autostart ? defined | VIR_CONNECT_LIST_DOMAINS_AUTOSTART.rawValue : defined)
  }

  /// The domains that are defined persistently and not active.
  func shutOffDefinitions() throws(LibvirtError) -> [DomainPointer] {
    try list(VIR_CONNECT_LIST_DOMAINS_INACTIVE.rawValue | VIR_CONNECT_LIST_DOMAINS_PERSISTENT.rawValue)
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
