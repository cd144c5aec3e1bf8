import CLibvirt
import HoldfastModel

/// What libvirt is doing with a domain that takes time.
struct DomainJob {
  enum Kind {
    case none
    /// A live migration brings it here.
    case arriving
    /// A live migration takes it away; one that was aborted too, until libvirt has cleared up after it.
    case leaving
    case other
  }
  var kind: Kind
  var progress = MigrationProgress(sent: 0, remaining: 0, total: 0, rate: 0)
}

extension DomainPointer {
  func job() throws(LibvirtError) -> DomainJob {
    var type: Int32 = 0
    var parameters: virTypedParameterPtr?
    var count: Int32 = 0
    guard virDomainGetJobStats(raw, &type, &parameters, &count, 0) >= 0 else {
      let error = LibvirtError.last()
      // "migration statistics are available only on the source host".
      if error.is(VIR_ERR_OPERATION_UNSUPPORTED) { return DomainJob(kind: .arriving) }
      // Drivers that know no migration.
      if error.is(VIR_ERR_NO_SUPPORT) { return DomainJob(kind: .none) }
      throw error
    }
    defer { virTypedParamsFree(parameters, count) }
    func mebibytes(_ names: String...) -> Int {
      var sum: UInt64 = 0
      for name in names {
        var value: UInt64 = 0
        if virTypedParamsGetULLong(parameters, count, name, &value) == 1 { sum &+= value }
      }
      return Int(sum >> 20)
    }
    if type == Int32(VIR_DOMAIN_JOB_NONE.rawValue) { return DomainJob(kind: .none) }
    var operation: Int32 = 0
    virTypedParamsGetInt(parameters, count, VIR_DOMAIN_JOB_OPERATION, &operation)
    let progress = MigrationProgress(
      sent: mebibytes(VIR_DOMAIN_JOB_DATA_PROCESSED), remaining: mebibytes(VIR_DOMAIN_JOB_DATA_REMAINING),
      total: mebibytes(VIR_DOMAIN_JOB_DATA_TOTAL), rate: mebibytes(VIR_DOMAIN_JOB_MEMORY_BPS, VIR_DOMAIN_JOB_DISK_BPS))
    switch virDomainJobOperation(UInt32(bitPattern: operation)) {
    case VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT: return DomainJob(kind: .leaving, progress: progress)
    case VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN: return DomainJob(kind: .arriving)
    default: return DomainJob(kind: .other)
    }
  }

  /// Whether libvirt copies, commits or pulls a disk; false also where that cannot be told: the migration itself will tell.
  func hasBlockJob(_ disk: String) -> Bool {
    var info = virDomainBlockJobInfo()
    return virDomainGetBlockJobInfo(raw, disk, &info, 0) == 1
  }

  func abortJob() throws(LibvirtError) { try check(virDomainAbortJob(raw)) }

  func setMaximalDowntime(milliseconds: Int) throws(LibvirtError) {
    try check(virDomainMigrateSetMaxDowntime(raw, UInt64(clamping: milliseconds), 0))
  }

  /// Moves the domain, live, by a conversation between the two libvirtds. It is paused at its destination. Blocks until it is over.
  func migrate(to destination: String, _ limits: MigrationLimits) throws(LibvirtError) {
    // PAUSED: when the answer to the last question of libvirt's protocol is lost, the source lets its copy go on. A copy at the target
    // that ran by itself would be a second one.
    // UNSAFE: libvirt refuses shared directories and caches that it does not know to be coherent. That nobody writes to a disk beside
    // the domain is what the claims see to; the target's qemu opens it anew when the source's has let go.
    var flags = [
      VIR_MIGRATE_LIVE, VIR_MIGRATE_PEER2PEER, VIR_MIGRATE_PAUSED, VIR_MIGRATE_ABORT_ON_ERROR, VIR_MIGRATE_UNSAFE
    ]
    if limits.slowsDown { flags.append(VIR_MIGRATE_AUTO_CONVERGE) }
    if limits.copiesStorage { flags.append(VIR_MIGRATE_NON_SHARED_DISK) }
    var parameters: virTypedParameterPtr?
    var count: Int32 = 0
    var room: Int32 = 0
    defer { virTypedParamsFree(parameters, count) }
    if let bandwidth = limits.bandwidth {
      try check(
        virTypedParamsAddULLong(&parameters, &count, &room, VIR_MIGRATE_PARAM_BANDWIDTH, UInt64(clamping: bandwidth)))
    }
    try check(
      virDomainMigrateToURI3(raw, destination, parameters, UInt32(count), flags.reduce(0) { $0 | UInt32($1.rawValue) }))
  }

  func suspend() throws(LibvirtError) { try check(virDomainSuspend(raw)) }

  func resume() throws(LibvirtError) { try check(virDomainResume(raw)) }
}
