import HoldfastModel
import HoldfastTime

/// The local hypervisor: the domains of one node, over one or several connections.
///
/// Events carry the truth; the outcomes of calls only say whether to wait for it. No call blocks the caller's thread, and
/// every call has a time limit after which its outcome is unknown.
public protocol Hypervisor: Sendable {
  /// The connections' URIs.
  var connections: [String] { get }

  /// One stream for the life of the hypervisor, one consumer. The first events are an inventory or an `unreachable` for
  /// each connection. After an `unreachable` it reconnects by itself for ever and sends an inventory when it succeeded.
  func events() -> AsyncStream<HypervisorEvent>

  /// Starts a transient domain: the XML with name, UUID, partition, metadata (and, for LXC, the environment variables
  /// `HOLDFAST_NODE`, `HOLDFAST_WORKLOAD` and `HOLDFAST_EPOCH` of the init) set by us. A stale shut-off definition of the same name and UUID that carries
  /// our mark is removed first; one without our mark makes the start fail. What `bar` left is removed with `overBar`, else `.barred`.
  func start(_ request: StartRequest) async -> OperationOutcome

  /// Asks the domain to shut down, waits up to `grace` for it to be gone, then destroys it. `.done` when it was seen gone.
  /// Touches only a domain with this UUID.
  func stop(_ id: DomainID, uuid: String, grace: Duration) async -> OperationOutcome

  /// Puts a running domain under protection without interrupting it: writes the mark into its live metadata, and removes
  /// the persistent definition (the domain becomes transient) and autostart. Idempotent.
  func mark(_ id: DomainID, uuid: String, mark: ClaimMark) async -> OperationOutcome

  /// Takes a running domain out of protection: removes the mark and defines it persistently again from its own XML.
  func unmark(_ id: DomainID, uuid: String) async -> OperationOutcome

  /// Makes certain that no start of the domain that is still on its way succeeds, whoever asked for it: `.done` only then. `mark` tells
  /// what is left behind for that as ours; a `start` or an `unbar` with `overBar` removes it. libvirt's fails when a domain of that name is there.
  func bar(_ id: DomainID, uuid: String, mark: ClaimMark) async -> OperationOutcome

  /// Takes away what `bar` left, and a shut-off definition of a former run that carries our mark, so that a migration can bring the domain here.
  /// `.done`: libvirt keeps neither. `.barred`: `bar` left something, and without `overBar` that stays. Fails for anything else of that name, and while
  /// a start of it that was asked for here has not returned. Touches nothing that is active.
  func unbar(_ id: DomainID, uuid: String, mark: ClaimMark, overBar: Bool) async -> OperationOutcome

  /// Moves a running domain to another host's libvirt while it runs, or a suspended one as it is, peer to peer. It arrives there paused, with
  /// this partition, these links and this mark, and executes nothing until that host's `resume`: so whatever becomes of the connection, it never runs twice.
  /// `.done`: it has arrived and is gone here. `.failed`: it is here, as before; `.hindered`: likewise, for a
  /// reason that is not the domain's: libvirt works at it, or the target cannot be reached. `.unknown`: observe, it may be here and paused.
  /// Given up after the limits' time, or by `cancelMigration`. `migrating` events tell how far it is, about twice a second.
  func migrate(_ request: MigrationRequest) async -> OperationOutcome

  /// Gives up the migration of this domain that is under way from here; `migrate` then ends. Done when there is none.
  func cancelMigration(_ id: DomainID, uuid: String) async

  /// Pauses a running domain: it executes nothing and keeps its memory until `resume`, or its end. `.done` for one that is paused already.
  func suspend(_ id: DomainID, uuid: String) async -> OperationOutcome

  /// Lets a paused domain go on, not after the instant. One that is still arriving is refused.
  func resume(_ id: DomainID, uuid: String, notAfter: BootInstant) async -> OperationOutcome

  /// From what the running domain can be started elsewhere.
  func describe(_ id: DomainID) async throws(HypervisorError) -> DomainDescription

  /// The state that libvirt keeps of a running domain beside its definition: to be asked before `mark`, which removes the definition.
  func keptState(of id: DomainID) async throws(HypervisorError) -> KeptState

  /// Asks for a fresh inventory of every connection. Each sends one that was begun afterwards, be there news in it or not: at once, or when it can list its
  /// domains again, or after the `unreachable` that it sends instead. Nobody asks a second time.
  func refresh() async

  func close() async
}

/// From what a running domain can be started elsewhere.
public struct DomainDescription: Hashable, Sendable {
  /// Its XML (inactive, migratable form), without the images under its disks: libvirt finds them at each start.
  public var xml: String
  /// What lies under its disks now, as in `DomainHardware.underneath`.
  public var underneath: [String: [String]]

  public init(xml: String, underneath: [String: [String]] = [:]) {
    self.xml = xml
    self.underneath = underneath
  }
}

/// A hypervisor call that could not be answered.
public struct HypervisorError: Error, Equatable, Sendable, CustomStringConvertible {
  public var domain: DomainID
  public var reason: String
  public var remedy: String

  public init(domain: DomainID, reason: String, remedy: String) {
    self.domain = domain
    self.reason = reason
    self.remedy = remedy
  }
  public var description: String { "\(domain): \(reason). \(remedy)" }
}
