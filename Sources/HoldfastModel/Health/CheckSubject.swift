/// A run of a workload on this node whose health is looked at: what the controller tells the checks.
public struct CheckSubject: Hashable, Sendable {
  /// Where its probes go.
  public struct Place: Hashable, Sendable {
    public var domain: DomainID
    public var uuid: String
    /// The process that runs it, in this host's PID namespace: of a container its controller, of a VM QEMU. nil when not known.
    public var pid: Int32?

    public init(domain: DomainID, uuid: String, pid: Int32?) {
      self.domain = domain
      self.uuid = uuid
      self.pid = pid
    }
  }
  public var workload: WorkloadName
  /// Tells one run of it from the next, in one life of the controller: what was found of an earlier one counts for nothing. What has arrived by a live
  /// migration runs anew.
  public var run: Int
  public var place: Place
  /// In the order of the spec; their names differ.
  public var checks: [HealthCheck]
  /// It executes nothing just now, or moves: nothing is asked, and what is asked already counts for nothing.
  public var isOnHold: Bool

  public init(_ workload: WorkloadName, run: Int, at place: Place, checks: [HealthCheck], isOnHold: Bool = false) {
    self.workload = workload
    self.run = run
    self.place = place
    self.checks = checks
    self.isOnHold = isOnHold
  }
}
