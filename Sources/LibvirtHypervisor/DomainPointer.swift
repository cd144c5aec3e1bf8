import CLibvirt
import DomainXML
import Glibc
import HoldfastModel

/// Owns one reference to a libvirt domain. Stays on the thread that made the call it came from.
final class DomainPointer {
  let raw: virDomainPtr

  init(owning raw: virDomainPtr) { self.raw = raw }
  deinit { virDomainFree(raw) }

  var name: String { virDomainGetName(raw).map { String(cString: $0) } ?? "" }

  /// Lower case with dashes.
  var uuid: String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(VIR_UUID_STRING_BUFLEN)) { buffer in
      guard let base = buffer.baseAddress, virDomainGetUUIDString(raw, base) == 0 else { return "" }
      return String(cString: base)
    }
  }

  /// libvirt's number for this run of the domain (LXC: its controller's PID), as it was when the domain was looked up; nil: not
  /// active then.
  var run: Int32? {
    let id = virDomainGetID(raw)
    return id == UInt32.max ? nil : Int32(bitPattern: id)
  }

  /// The state, and why it is that, in libvirt's number for a reason of that state.
  func state() throws(LibvirtError) -> (state: virDomainState, reason: Int32) {
    var (state, reason) = (Int32(0), Int32(0))
    try check(virDomainGetState(raw, &state, &reason, 0))
    return (virDomainState(UInt32(bitPattern: state)), reason)
  }

  /// libvirt has nothing active of it now.
  func isGone() throws(LibvirtError) -> Bool {
    let answer = virDomainIsActive(raw)
    if answer >= 0 { return answer == 0 }
    let error = LibvirtError.last()
    if error.noSuchDomain { return true }
    throw error
  }

  func isPersistent() throws(LibvirtError) -> Bool {
    let answer = virDomainIsPersistent(raw)
    try check(answer)
    return answer == 1
  }

  func snapshotCount() throws(LibvirtError) -> Int {
    let count = virDomainSnapshotNum(raw, 0)
    try check(count)
    return Int(count)
  }

  func xml(_ flags: virDomainXMLFlags...) throws(LibvirtError) -> String {
    guard let text = virDomainGetXMLDesc(raw, flags.reduce(0) { $0 | $1.rawValue }) else { throw .last() }
    defer { free(text) }
    return String(cString: text)
  }

  func shutDown(_ mode: virDomainShutdownFlagValues) throws(LibvirtError) {
    try check(virDomainShutdownFlags(raw, mode.rawValue))
  }

  /// Sends a signal to a container's init.
  func signalInit(_ signal: Int32) throws(LibvirtError) {
    try check(virDomainSendProcessSignal(raw, 1, UInt32(bitPattern: signal), 0))
  }

  func destroy() throws(LibvirtError) { try check(virDomainDestroyFlags(raw, VIR_DOMAIN_DESTROY_DEFAULT.rawValue)) }

  /// Sets (or, with nil, removes) our element in the live metadata.
  func setLiveClaim(_ element: String?) throws(LibvirtError) {
    try check(
      virDomainSetMetadata(
        raw, Int32(VIR_DOMAIN_METADATA_ELEMENT.rawValue), element, ClaimElement.prefix, ClaimElement.namespace,
        VIR_DOMAIN_AFFECT_LIVE.rawValue))
  }

  /// Our element in the metadata, asked for alone; nil when there is none that can be read.
  func claim(_ which: virDomainModificationImpact) throws(LibvirtError) -> ClaimMark? {
    let text = virDomainGetMetadata(
      raw, Int32(VIR_DOMAIN_METADATA_ELEMENT.rawValue), ClaimElement.namespace, which.rawValue)
    guard let text else {
      let error = LibvirtError.last()
      if error.is(VIR_ERR_NO_DOMAIN_METADATA) { return nil }
      throw error
    }
    defer { free(text) }
    return ClaimElement.read(bare: String(cString: text))
  }

  /// Memory that it may use, in MiB rounded up, and processors.
  func size() throws(LibvirtError) -> (memory: Int, vcpus: Int) {
    var info = virDomainInfo()
    try check(virDomainGetInfo(raw, &info))
    return (Int((info.maxMem + 1023) / 1024), Int(info.nrVirtCpu))
  }

  func disableAutostart() throws(LibvirtError) { try check(virDomainSetAutostart(raw, 0)) }

  /// Removes the persistent definition and nothing else: firmware variables and TPM state are the running domain's.
  func undefine() throws(LibvirtError) {
    let keep = VIR_DOMAIN_UNDEFINE_KEEP_NVRAM.rawValue | VIR_DOMAIN_UNDEFINE_KEEP_TPM.rawValue
    if virDomainUndefineFlags(raw, keep) == 0 { return }
    // Drivers without firmware variables (LXC) know no flag.
    let error = LibvirtError.last()
    guard error.is(VIR_ERR_INVALID_ARG, VIR_ERR_NO_SUPPORT) else { throw error }
    try check(virDomainUndefineFlags(raw, 0))
  }
}

// MARK: what libvirt keeps beside the definition

extension DomainPointer {
  /// Their names; none where the driver knows no snapshots.
  func snapshots() throws(LibvirtError) -> [String] {
    var list: UnsafeMutablePointer<virDomainSnapshotPtr?>?
    let count = virDomainListAllSnapshots(raw, &list, 0)
    return try names(list, count, virDomainSnapshotGetName, free: virDomainSnapshotFree)
  }

  func checkpoints() throws(LibvirtError) -> [String] {
    var list: UnsafeMutablePointer<virDomainCheckpointPtr?>?
    let count = virDomainListAllCheckpoints(raw, &list, 0)
    return try names(list, count, virDomainCheckpointGetName, free: virDomainCheckpointFree)
  }

  /// Whether there is a state that `virsh managedsave` wrote.
  func hasSavedState() throws(LibvirtError) -> Bool {
    let answer = virDomainHasManagedSaveImage(raw, 0)
    if answer >= 0 { return answer == 1 }
    let error = LibvirtError.last()
    if error.is(VIR_ERR_NO_SUPPORT) { return false }
    throw error
  }

  /// Takes over the list and what is in it.
  private func names(
    _ list: UnsafeMutablePointer<OpaquePointer?>?, _ count: Int32, _ name: (OpaquePointer?) -> UnsafePointer<CChar>?,
    free release: (OpaquePointer?) -> Int32
  ) throws(LibvirtError) -> [String] {
    guard count >= 0 else {
      let error = LibvirtError.last()
      if error.is(VIR_ERR_NO_SUPPORT) { return [] }
      throw error
    }
    guard let list else { return [] }
    defer { free(list) }
    return (0..<Int(count)).map { index in
      defer { _ = release(list[index]) }
      return name(list[index]).map { String(cString: $0) } ?? ""
    }.sorted()
  }
}
