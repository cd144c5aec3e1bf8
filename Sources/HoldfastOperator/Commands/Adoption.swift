import GuardCore
import HoldfastController
import HoldfastModel

/// What is needed to put a running domain under protection.
public struct Adoption: Hashable, Sendable {
  /// What the operator may say about it.
  public struct Options: Hashable, Sendable {
    /// nil: what the domain has.
    public var demand: Resources?
    public var labels: [String: String]
    public var priority: Int
    public var isolation: Isolation
    /// Seconds.
    public var stopTimeout: Double

    public init(
      demand: Resources? = nil, labels: [String: String] = [:], priority: Int = 0, isolation: Isolation = .freeze,
      stopTimeout: Double = SpecRecord.defaultStopTimeout
    ) {
      self.demand = demand
      self.labels = labels
      self.priority = priority
      self.isolation = isolation
      self.stopTimeout = stopTimeout
    }
  }

  public var cluster: String
  public var node: NodeName
  /// This node's session; nil when it has none.
  public var session: OwnSession.Saved?
  public var domain: DomainObservation
  /// From which it can be started elsewhere.
  public var xml: String
  public var options: Options

  public init(
    cluster: String, node: NodeName, session: OwnSession.Saved?, domain: DomainObservation, xml: String, options: Options
  ) {
    self.cluster = cluster
    self.node = node
    self.session = session
    self.domain = domain
    self.xml = xml
    self.options = options
  }

  /// The spec comes into being, and the wish. The node that runs it does the rest (HoldfastController/Workload/Adoption.swift): the claim
  /// comes last.
  func prepare(in view: ClusterView) throws(OperatorError) -> PreparedCommand {
    let name = WorkloadName(domain.id.name)
    try checkDomain(name, in: view)
    let session = try standingSession(in: view)
    let spec = SpecRecord(
      connection: domain.id.connection, uuid: domain.uuid, xml: xml, demand: demand, labels: options.labels,
      priority: options.priority, isolation: options.isolation, stopTimeout: options.stopTimeout)
    try spec.check(for: name)
    try refuseTwin(of: name, spec, in: view)

    var conditions: [Condition<RecordKey>] = [
      .stands(.session(session.incarnation), created: session.created), .absent(.spec(name)),
      view.asSeen(.intent(name), view.intents[name])
    ]
    if let claim = view.claims[name]?.value, let holder = claim.holder {
      if view.isHeld(claim) { throw heldBy(holder.node) }
      conditions.append(.absent(.session(holder.incarnation)))
    }
    return PreparedCommand(
      name, .adopted,
      "comes under protection on \(node), where it keeps running (\(demand.memory) MiB, \(InWords.number(demand.cpus)) cpus)",
      transaction: ClusterTransaction(
        if: conditions,
        write: [
          .put(.spec(name), .spec(spec)),
          .put(.intent(name), .intent(IntentRecord(desired: .adopting, adopter: node)))
        ]))
  }

  private var demand: Resources { options.demand ?? Resources(memory: domain.memory, cpus: Double(domain.vcpus)) }

  private func refusal(_ kind: OperatorError.Kind, _ reason: String, _ remedy: String) -> OperatorError {
    OperatorError(kind, thing: "domain \(domain.id)", reason: reason, remedy: remedy)
  }

  private func heldBy(_ holder: NodeName) -> OperatorError {
    refusal(
      .conflict, "\(holder) still holds the workload \(domain.id.name) from before it left protection",
      "Wait until `holdfast workload \(domain.id.name)` reports that there is no workload of this name, then repeat.")
  }

  private func standingSession(in view: ClusterView) throws(OperatorError) -> OwnSession.Saved {
    guard let session else {
      throw OperatorError(
        .unavailable, thing: "node \(node)", reason: "it has no session, so it cannot claim anything",
        remedy: "`holdfast status` tells whether the store answers; repeat when it does.")
    }
    if view.sessions[session.incarnation]?.value.phase == .leaving {
      throw OperatorError(
        .conflict, thing: "node \(node)", reason: "it is handing over what it runs",
        remedy: "Start its holdfastd again, then repeat.")
    }
    return session
  }

  private func checkDomain(_ name: WorkloadName, in view: ClusterView) throws(OperatorError) {
    guard WorkloadName.isValid(name.text) else {
      throw refusal(
        .invalid, "its name cannot be a workload's name",
        "Rename it with `virsh -c \(domain.id.connection) domrename`: at most 63 letters, digits, '.', '_' and '-'.")
    }
    if let mark = domain.mark, mark.cluster != cluster {
      throw refusal(
        .conflict, "the cluster \(mark.cluster) protects it as \(mark.workload)",
        "Release it there first: `holdfast release \(mark.workload)` on a node of that cluster.")
    }
    if let spec = view.specs[name]?.value {
      let isThis = spec.uuid == domain.uuid && spec.connection == domain.id.connection
      throw refusal(
        .conflict,
        isThis ? "it is protected already" : "another workload is protected under this name, with UUID \(spec.uuid)",
        isThis ? "`holdfast workload \(name)` shows it." : "Rename this domain: names are unique in the cluster.")
    }
    if let claim = view.claims[name]?.value, let mark = domain.mark, mark.workload == name.text, mark.epoch < claim.epoch,
      let left = claim.releasedTo, left.node != node
    {
      throw refusal(
        .conflict, "it is a copy from before the workload went on \(left.node.map { "on \($0)" } ?? "elsewhere")",
        "Destroy this copy: `virsh -c \(domain.id.connection) destroy \(domain.id.name)`. Adopt the other one where it runs.")
    }
    if let other = view.otherNode(withUnmanaged: domain.uuid, than: node) {
      throw refusal(
        .conflict, "a domain with its UUID runs on \(other) outside protection too",
        "Decide which of the two holds the right data, destroy the other, then repeat.")
    }
    if let mark = domain.mark, mark.workload != name.text, view.specs[WorkloadName(mark.workload)] != nil {
      throw refusal(
        .conflict, "it carries the mark of the workload \(mark.workload), as a copy of that domain would",
        "Remove Holdfast's element from its metadata: `virsh -c \(domain.id.connection) metadata` with --remove.")
    }
    guard domain.state == .running else {
      throw refusal(
        .conflict, "it is \(domain.state.rawValue), not running",
        domain.state == .paused
          ? "Find out why it is paused, then `virsh -c \(domain.id.connection) resume \(domain.id.name)`."
          : "Wait until `virsh -c \(domain.id.connection) domstate \(domain.id.name)` says running.")
    }
  }
}
