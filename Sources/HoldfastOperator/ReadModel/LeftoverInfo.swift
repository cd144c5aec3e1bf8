import HoldfastModel

/// A domain that is defined on a node under a workload's name or UUID and is not Holdfast's, as the node last reported it.
public struct LeftoverInfo: Hashable, Sendable, Codable {
  public var workload: String
  public var node: String
  /// The node has a session; else this is as of when it had one.
  public var isNodeUp: Bool
  /// libvirt's URI, and the domain's name and UUID there.
  public var connection: String
  public var name: String
  public var uuid: String
  /// libvirt starts it when the host boots.
  public var autostart: Bool
  /// The domain is active; else it is shut off, and the workload cannot start there.
  public var isRunning: Bool
  /// `holdfast leftovers remove` removes it: name and UUID are the workload's, and it is shut off.
  public var isRemovable: Bool
  /// Disks that it names otherwise than the workload's definition, by the guest's names for them: `running` is what it names. nil: none that is known.
  public var otherDisks: [String: OtherDisk]?
  /// A clause after the node's name: what is there.
  public var text: String
  /// The remedy.
  public var remedy: String

  public init(_ leftover: LeftoverDefinition, of spec: SpecRecord, on node: NodeName, isNodeUp: Bool) {
    workload = leftover.workload.text
    self.node = node.text
    self.isNodeUp = isNodeUp
    connection = spec.connection
    name = leftover.name
    uuid = leftover.otherUUID ?? spec.uuid
    autostart = leftover.autostart
    isRunning = leftover.isRunning
    isRemovable = leftover.isRemovable
    let others = leftover.isSame ? leftover.otherDisks(than: spec.xml) : [:]
    guard !others.isEmpty else {
      text = InWords.oneLine(leftover.clause)
      remedy = InWords.oneLine(leftover.remedy(spec.connection))
      return
    }
    otherDisks = others
    text = InWords.oneLine("\(leftover.clause) that names other disks: \(LeftoverDefinition.words(others))")
    remedy = InWords.oneLine(
      "decide which disks hold before you remove it, and name them with `holdfast apply` where those there do; then "
        + leftover.remedy(spec.connection))
  }

  /// Nothing that somebody may need goes with it.
  public var isRemovableAtOnce: Bool { isRemovable && otherDisks == nil }

  /// A sentence for who is about to count on the workload's failover.
  public var warning: String {
    let boot = autostart && !isRunning ? ", and libvirt starts it when \(node) boots" : ""
    return "\(node): \(text)\(boot), so it cannot start there: \(remedy)"
  }
}

/// The answer of `/v1/leftovers`, sorted by workload, then by node.
public struct LeftoverList: Hashable, Sendable, Codable {
  public var leftovers: [LeftoverInfo]
  /// Workloads whose leftovers are removed where they are found, as the operator agreed; sorted.
  public var removing: [String]

  public init(_ sight: ClusterSight) {
    leftovers = sight.leftovers.values.joined().sorted { ($0.workload, $0.node, $0.name) < ($1.workload, $1.node, $1.name) }
    removing = sight.view.intents.filter { $0.value.value.removesLeftovers == true && sight.view.specs[$0.key] != nil }
      .map(\.key.text).sorted()
  }
}

extension ClusterView {
  /// By workload, what the nodes reported; of one workload only, where it is named.
  func leftovers(of name: WorkloadName? = nil) -> [WorkloadName: [LeftoverInfo]] {
    var found: [WorkloadName: [LeftoverInfo]] = [:]
    for (node, report) in reports.sorted(by: { $0.key < $1.key }) {
      guard let leftovers = report.value.leftovers else { continue }
      let isUp = session(of: node) != nil
      for leftover in leftovers where name == nil || leftover.workload == name {
        guard let spec = specs[leftover.workload]?.value else { continue }
        found[leftover.workload, default: []].append(LeftoverInfo(leftover, of: spec, on: node, isNodeUp: isUp))
      }
    }
    return found
  }
}

extension ClusterView {
  /// Sentences: where a workload cannot start, as something else is defined there under its name or UUID.
  ///
  /// - Parameters:
  ///   - node: the one that is asked.
  ///   - now: what that node sees now; nil: what it reported counts.
  public func leftoverWarnings(
    of name: WorkloadName, _ spec: SpecRecord, on node: NodeName, now: [LeftoverDefinition]?
  ) -> [String] {
    let reported = (leftovers(of: name)[name] ?? []).filter { $0.isNodeUp && (now == nil || $0.node != node.text) }
    let seen = (now ?? []).filter { $0.workload == name }.map { LeftoverInfo($0, of: spec, on: node, isNodeUp: true) }
    return (reported + seen).sorted { ($0.node, $0.name) < ($1.node, $1.name) }.map(\.warning)
  }
}
