import HoldfastModel

/// Tells one probe from all others in one life of the daemon.
public struct ProbeID: Hashable, Sendable {
  /// Where the check stands among all; a place is used again.
  let slot: Int
  let serial: UInt64

  init(slot: Int, serial: UInt64) {
    self.slot = slot
    self.serial = serial
  }
}

/// What whoever makes the probes is asked for. It is answered once, by a `ProbeResult`, unless it is given up before.
public struct ProbeRequest: Hashable, Sendable {
  public var id: ProbeID
  public var workload: WorkloadName
  public var check: CheckName
  public var place: CheckSubject.Place
  public var probe: Probe
  /// From the request on: what has not answered by then has failed, and that is the answer. An answer that comes much later, or never, is taken for a
  /// probe that could not be made.
  public var timeout: Duration

  public init(
    id: ProbeID, workload: WorkloadName, check: CheckName, place: CheckSubject.Place, probe: Probe, timeout: Duration
  ) {
    self.id = id
    self.workload = workload
    self.check = check
    self.place = place
    self.probe = probe
    self.timeout = timeout
  }
}

/// What came of a probe.
public struct ProbeResult: Hashable, Sendable {
  public enum Answer: Hashable, Sendable {
    case good
    /// The workload did not answer, or not as it is to: with a clause.
    case bad(reason: String)
    /// The probe could not be made, or it does not tell: nothing is known of the workload. With a clause.
    case cannotTell(reason: String)
  }
  public var id: ProbeID
  public var answer: Answer

  public init(_ id: ProbeID, _ answer: Answer) {
    self.id = id
    self.answer = answer
  }
}
