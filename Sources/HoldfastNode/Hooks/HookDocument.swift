import FoundationEssentials
import HoldfastModel
import HoldfastOperator

/// What a hook reads on its standard input, as one JSON document. `Docs/hook.schema.json` describes it.
public struct HookDocument: Hashable, Sendable, Codable {
  /// The document's version: within one, fields are only added.
  public static let version = 1

  /// How something ended, as far as libvirt's call told.
  public enum Outcome: String, CaseIterable, Hashable, Sendable, Codable {
    case done
    /// It certainly did not happen.
    case failed
    /// Nobody can tell: what is true is seen later.
    case unknown
  }

  public private(set) var version = HookDocument.version
  /// A `HookMoment`'s name.
  public private(set) var hook: String
  public private(set) var cluster: String
  /// This node.
  public private(set) var node: String
  /// UTC on this node's wall clock, such as `2026-03-01T02:14:07.250Z`.
  public private(set) var time: String
  /// The same in milliseconds since 1970.
  public private(set) var milliseconds: Int64
  public private(set) var workload: String
  /// The workload's labels; absent: it has none.
  public private(set) var labels: [String: String]?
  /// libvirt's URI.
  public private(set) var connection: String
  /// The domain's UUID.
  public private(set) var uuid: String
  /// Of a start: its claim's epoch, which grows with every claim of the workload.
  public private(set) var epoch: Int64?
  /// Of a start: the definition that it is started from.
  public private(set) var xml: String?
  /// Of a live migration: the node that it goes to.
  public private(set) var to: String?
  /// Why, as far as this node knows; absent: it does not.
  public private(set) var because: HookCause?
  /// Seconds that the executable may take before it is killed.
  public private(set) var seconds: Double
  /// After something: how it ended; absent before.
  public private(set) var outcome: Outcome?
  /// Why it failed, or nobody can tell.
  public private(set) var reason: String?

  package init(
    _ matter: HookMatter, at moment: HookMoment, ended: (outcome: Outcome, reason: String?)? = nil, cluster: String,
    node: NodeName, time: Int64, seconds: Double
  ) {
    hook = moment.name
    self.cluster = cluster
    self.node = node.text
    self.time = timestamp(milliseconds: time)
    milliseconds = time
    workload = matter.workload.text
    labels = matter.labels.isEmpty ? nil : matter.labels
    (connection, uuid) = (matter.id.connection, matter.uuid)
    (epoch, xml, to) = (matter.epoch?.value, matter.xml, matter.target?.text)
    because = matter.cause
    self.seconds = seconds
    (outcome, reason) = (ended?.outcome, ended?.reason)
  }

  /// In UTF-8, keys sorted, in one line.
  package func json() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(self))
  }

  /// The main fields, for executables that want no JSON; empty where there is none.
  package var variables: [String: String] {
    [
      "HOLDFAST_HOOK": hook, "HOLDFAST_CLUSTER": cluster, "HOLDFAST_NODE": node, "HOLDFAST_WORKLOAD": workload,
      "HOLDFAST_CONNECTION": connection, "HOLDFAST_UUID": uuid, "HOLDFAST_EPOCH": epoch.map { "\($0)" } ?? "",
      "HOLDFAST_TO": to ?? "", "HOLDFAST_BECAUSE": because?.rawValue ?? "", "HOLDFAST_OUTCOME": outcome?.rawValue ?? ""
    ]
  }
}

/// What a hook is asked or told about: one operation with one workload.
package struct HookMatter: Hashable, Sendable {
  package var workload: WorkloadName
  package var labels: [String: String]
  package var id: DomainID
  package var uuid: String
  package var epoch: Epoch?
  package var xml: String?
  package var target: NodeName?
  package var cause: HookCause?
}
