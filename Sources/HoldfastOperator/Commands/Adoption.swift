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
    /// Shut-off definitions of the same name and UUID on other nodes are removed.
    public var removesLeftovers: Bool
    /// What other workloads may have at the same time.
    public var shared: [String]
    /// What tells whether it works while it runs.
    public var checks: [HealthCheck]
    /// IP addresses that follow it.
    public var addresses: [WorkloadAddress]
    /// What libvirt forgets of a domain that becomes transient may go.
    public var acceptsLoss: Bool

    public init(
      demand: Resources? = nil, labels: [String: String] = [:], priority: Int = 0, isolation: Isolation = .freeze,
      stopTimeout: Double = SpecRecord.defaultStopTimeout, shared: [String] = [], checks: [HealthCheck] = [],
      addresses: [WorkloadAddress] = [], acceptsLoss: Bool = false, removesLeftovers: Bool = false
    ) {
      self.demand = demand
      self.labels = labels
      self.priority = priority
      self.isolation = isolation
      self.stopTimeout = stopTimeout
      self.removesLeftovers = removesLeftovers
      self.shared = shared
      self.checks = checks
      self.addresses = addresses
      self.acceptsLoss = acceptsLoss
    }
  }

  public var cluster: String
  public var node: NodeName
  /// This node's session; nil when it has none.
  public var session: OwnSession.Saved?
  public var domain: DomainObservation
  /// From which it can be started elsewhere.
  public var xml: String
  /// What lies under its disks, as in `DomainHardware.underneath`.
  public var underneath: [String: [String]]
  /// What libvirt keeps of it beside its definition.
  public var kept: KeptState
  public var options: Options

  public init(
    cluster: String, node: NodeName, session: OwnSession.Saved?, domain: DomainObservation, xml: String,
    underneath: [String: [String]] = [:], kept: KeptState = .none, options: Options
  ) {
    self.cluster = cluster
    self.node = node
    self.session = session
    self.domain = domain
    self.xml = xml
    self.underneath = underneath
    self.kept = kept
    self.options = options
  }

  public var workload: WorkloadName { WorkloadName(domain.id.name) }

  /// The workload that it becomes.
  package var spec: SpecRecord {
    var spec = SpecRecord(
      connection: domain.id.connection, uuid: domain.uuid, xml: xml, demand: demand, labels: options.labels,
      priority: options.priority, isolation: options.isolation, stopTimeout: options.stopTimeout, shared: options.shared,
      checks: options.checks, addresses: options.addresses)
    spec.setUnderneath(underneath)
    return spec
  }

  /// The spec comes into being, and the wish. The node that runs it does the rest (HoldfastController/Workload/Adoption.swift): the claim
  /// comes last.
  func prepare(in view: ClusterView) throws(OperatorError) -> PreparedCommand {
    let name = workload
    try checkDomain(name, in: view)
    try refuseLosses()
    let session = try standingSession(in: view)
    let spec = spec
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
      "comes under protection on \(node), where it keeps running (\(InWords.memory(demand.memory)), \(InWords.cpus(demand.cpus)))"
        + (options.removesLeftovers ? "; shut-off definitions of it on other nodes are removed" : ""),
      transaction: ClusterTransaction(
        if: conditions,
        write: [
          .put(.spec(name), .spec(spec)),
          .put(
            .intent(name),
            .intent(
              IntentRecord(desired: .adopting, adopter: node, removesLeftovers: options.removesLeftovers ? true : nil)))
        ]), news: "is defined as it runs on \(node), and adopted there")
  }

  private var demand: Resources { options.demand ?? Resources(memory: domain.memory, cpus: Double(domain.vcpus)) }

  func refusal(_ kind: OperatorError.Kind, _ reason: String, _ remedy: String) -> OperatorError {
    OperatorError(kind, thing: "domain \(domain.id)", reason: reason, remedy: remedy)
  }

  private func heldBy(_ holder: NodeName) -> OperatorError {
    refusal(
      .conflict, "\(holder) still holds the workload \(domain.id.name) from before it left protection",
      "Repeat it when \(holder) has let go of it: `holdfast events --workload \(domain.id.name)` shows that.")
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
        "\(otherName) A workload's name has at most 63 letters, digits, '.', '_' and '-', and begins with a letter or digit.")
    }
    if let mark = domain.mark, mark.cluster != cluster {
      throw refusal(
        .conflict, "the cluster \(mark.cluster) protects it as \(mark.workload)",
        "Release it there first: `holdfast release \(mark.workload)` on a node of that cluster. If that cluster is no more, "
          + "`\(removal)` removes its mark.")
    }
    if let spec = view.specs[name]?.value {
      let isThis = spec.uuid == domain.uuid && spec.connection == domain.id.connection
      throw refusal(
        .conflict,
        isThis ? "it is protected already" : "another workload is protected under this name, with UUID \(spec.uuid)",
        isThis ? "`holdfast workload \(name)` shows it." : otherName)
    }
    if let claim = view.claims[name]?.value, let mark = domain.mark, mark.workload == name.text, mark.epoch < claim.epoch,
      let left = claim.releasedTo, left.node != node
    {
      throw refusal(
        .conflict,
        "it is a copy from before the workload ran outside protection \(left.node.map { "on \($0)" } ?? "elsewhere")",
        "Destroy this copy: `virsh -c \(domain.id.connection) destroy \(domain.id.name)`. Adopt the other one where it runs.")
    }
    if let other = view.otherNode(withUnmanaged: domain.uuid, than: node) {
      throw refusal(
        .conflict, "a domain with its UUID runs on \(other) outside protection too",
        "Decide which of the two holds the right data, destroy the other (`virsh -c \(domain.id.connection) destroy \(domain.uuid)` "
          + "on its host), then repeat where the right one runs.")
    }
    if let mark = domain.mark, mark.workload != name.text, view.specs[WorkloadName(mark.workload)] != nil {
      throw refusal(
        .conflict, "it carries the mark of the workload \(mark.workload), as a copy of that domain would",
        "If it is such a copy, `\(removal)` removes the mark; then repeat.")
    }
    guard domain.state == .running else { throw refusal(.conflict, "it is \(domain.state.rawValue), not running", awaken) }
  }

  // MARK: what to type

  func virsh(_ command: String) -> String { "virsh -c \(domain.id.connection) \(command)" }

  /// libvirt renames no domain that is active, and no container at all.
  private var otherName: String {
    "libvirt cannot rename a domain that runs, nor a container: save its XML (`\(virsh("dumpxml \(domain.uuid)"))`), shut it down "
      + "and undefine it; then `holdfast apply` starts it from that XML under another name."
  }

  private var removal: String { virsh("metadata \(domain.id.name) \(ClaimMark.metadataURI) --remove") }

  /// What makes a domain run that is active and does not run.
  private var awaken: String {
    let look = virsh("domstate --reason \(domain.id.name)")
    return switch domain.state {
    case .paused: "`\(look)` tells why it is paused; then `\(virsh("resume \(domain.id.name)"))`."
    case .arriving: "A live migration brings it here: repeat it when `\(look)` says running."
    case .stopping: "It is shutting down: start it again, then repeat."
    case .crashed:
      "It crashed and is kept: destroy it (`\(virsh("destroy \(domain.id.name)"))`) and start it again, then repeat."
    case .running, .unclear: "`\(look)` tells more."
    }
  }
}
