import GuardCore
import HoldfastModel
import HoldfastOperator

/// The body of `POST /v1/workloads`.
public struct ApplyRequest: Hashable, Sendable, Codable {
  public var workloads: [WorkloadDefinition]

  public init(workloads: [WorkloadDefinition]) { self.workloads = workloads }
}

/// The body of `POST /v1/adopt`: active domains of the node that is asked.
public struct AdoptRequest: Hashable, Sendable, Codable {
  public var domains: [DomainID]
  /// nil: what each domain has.
  public var demand: Resources?
  public var labels: [String: String]
  public var priority: Int
  public var isolation: Isolation
  /// Seconds that it may take to shut down before it is destroyed.
  public var stopTimeout: Double
  /// Shut-off definitions of the same name and UUID on other nodes are removed. nil: they are not.
  public var removeLeftovers: Bool?
  /// Disks, directories and MAC addresses that other workloads may have at the same time.
  public var shared: [String]
  /// Snapshots, checkpoints and a TPM's state, which libvirt forgets of what becomes transient, may go.
  public var acceptLoss: Bool

  public init(
    domains: [DomainID], demand: Resources? = nil, labels: [String: String] = [:], priority: Int = 0,
    isolation: Isolation = .freeze, stopTimeout: Double = SpecRecord.defaultStopTimeout, shared: [String] = [],
    acceptLoss: Bool = false, removeLeftovers: Bool? = nil
  ) {
    self.domains = domains
    self.demand = demand
    self.labels = labels
    self.priority = priority
    self.isolation = isolation
    self.stopTimeout = stopTimeout
    self.removeLeftovers = removeLeftovers
    self.shared = shared
    self.acceptLoss = acceptLoss
  }

  private enum CodingKeys: String, CodingKey {
    case domains, demand, labels, priority, isolation, stopTimeout, shared, acceptLoss, removeLeftovers
  }

  /// Everything but `domains` may be left out.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      domains: try fields.decode([DomainID].self, forKey: .domains),
      demand: try fields.decodeIfPresent(Resources.self, forKey: .demand),
      labels: try fields.decodeIfPresent([String: String].self, forKey: .labels) ?? [:],
      priority: try fields.decodeIfPresent(Int.self, forKey: .priority) ?? 0,
      isolation: try fields.decodeIfPresent(Isolation.self, forKey: .isolation) ?? .freeze,
      stopTimeout: try fields.decodeIfPresent(Double.self, forKey: .stopTimeout) ?? SpecRecord.defaultStopTimeout,
      shared: try fields.decodeIfPresent([String].self, forKey: .shared) ?? [],
      acceptLoss: try fields.decodeIfPresent(Bool.self, forKey: .acceptLoss) ?? false,
      removeLeftovers: try fields.decodeIfPresent(Bool.self, forKey: .removeLeftovers))
  }

  /// Only what says something: a daemon of an older build knows no other fields.
  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(domains, forKey: .domains)
    try fields.encodeIfPresent(demand, forKey: .demand)
    try fields.encode(labels, forKey: .labels)
    try fields.encode(priority, forKey: .priority)
    try fields.encode(isolation, forKey: .isolation)
    try fields.encode(stopTimeout, forKey: .stopTimeout)
    if !shared.isEmpty { try fields.encode(shared, forKey: .shared) }
    if acceptLoss { try fields.encode(acceptLoss, forKey: .acceptLoss) }
    try fields.encodeIfPresent(removeLeftovers, forKey: .removeLeftovers)
  }

  public var options: Adoption.Options {
    Adoption.Options(
      demand: demand, labels: labels, priority: priority, isolation: isolation, stopTimeout: stopTimeout, shared: shared,
      acceptsLoss: acceptLoss, removesLeftovers: removeLeftovers ?? false)
  }
}

/// The body of `POST /v1/workloads/{name}/move`.
public struct MoveRequest: Hashable, Sendable, Codable {
  public var to: String

  public init(to: String) { self.to = to }
}

/// The result of a command for one workload.
public struct CommandResult: Hashable, Sendable, Codable {
  public enum Effect: String, Hashable, Sendable, Codable {
    case created, changed, unchanged, adopted
    /// The request is recorded; the cluster carries it out.
    case requested
    /// `error` says why.
    case failed
  }
  public var workload: String
  public var effect: Effect
  /// The fields that change, for `changed`.
  public var fields: [String]
  /// A clause after the workload's name, such as `is shut down on a`.
  public var text: String
  /// The serial of a move request: `/v1/workloads/{name}` tells under `move` when it was served.
  public var moveSerial: Int?
  /// Sentences: what will be otherwise than one may expect of it. Absent: nothing.
  public var warnings: [String]?
  /// What the definition says otherwise than the one in the store, as a unified diff without passwords. Absent: it was not asked for.
  public var diff: [String]?
  public var error: ErrorBody?

  public init(_ prepared: PreparedCommand) {
    workload = prepared.workload.text
    fields = []
    text = prepared.text
    moveSerial = prepared.moveSerial
    switch prepared.effect {
    case .created: effect = .created
    case .changed(let changed):
      effect = .changed
      fields = changed
    case .unchanged: effect = .unchanged
    case .adopted: effect = .adopted
    case .requested: effect = .requested
    }
  }

  public mutating func warn(_ sentences: [String]) {
    if !sentences.isEmpty { warnings = (warnings ?? []) + sentences }
  }

  public init(_ workload: String, failed error: ErrorBody) {
    self.workload = workload
    effect = .failed
    fields = []
    text = error.reason
    self.error = error
  }
}

/// The answer of a command: one result for each workload, in the order in which they were named. Its HTTP status is 200 when none
/// failed and 207 when some did. A command for one workload that fails is answered by an `ErrorBody` alone.
public struct CommandResults: Hashable, Sendable, Codable {
  /// Nothing was changed: this is what would happen.
  public var isDryRun: Bool
  public var results: [CommandResult]

  public init(isDryRun: Bool, results: [CommandResult]) {
    self.isDryRun = isDryRun
    self.results = results
  }
}
