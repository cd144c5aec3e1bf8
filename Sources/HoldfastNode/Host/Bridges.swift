import FoundationEssentials
import Glibc
import HoldfastModel
import HoldfastTime
import LinuxBasics

/// This host's bridges, as far as they matter to what is frozen on them: with STP, a port whose link was taken down and up again forwards nothing before
/// it has listened and learned, twice the bridge's forward delay.
package struct Bridges: Sendable {
  private let root: String

  /// A silence that is shorter is not told of: a client's second attempt gets through.
  package static let worthTelling = Duration.seconds(10)

  /// - Parameter root: where the kernel shows its network devices.
  package init(root: String = "/sys/class/net") { self.root = root }

  /// For how long what is on the bridge is silent after a start or a thaw; nil: it is no bridge, or forwards at once.
  package func silence(of bridge: String) -> Duration? {
    guard Self.canBeDevice(bridge), let stp = number(bridge, "stp_state"), stp != 0 else { return nil }
    guard let delay = number(bridge, "forward_delay"), delay > 0 else { return nil }
    // In hundredths of a second, whatever the kernel's own tick is.
    return .milliseconds(delay * 2 * 10)
  }

  /// The bridge that a link is a port of; nil: of none.
  package func bridge(of link: String) -> String? {
    guard Self.canBeDevice(link) else { return nil }
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink("\(root)/\(link)/brport/bridge", &buffer, buffer.count)
    guard count > 0 else { return nil }
    let target = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return target.split(separator: "/").last.map { String($0) }
  }

  /// What a person should know of the bridges of these links, and of these bridges: one sentence for each.
  package func warnings(links: [String], bridges: [String] = []) -> [String] {
    flaws(Set(links.compactMap(bridge)).union(bridges)).map { Self.warning($0.bridge, $0.silence.inSeconds) }
  }

  private static func warning(_ bridge: String, _ seconds: Double, on node: String = "") -> String {
    "its bridge \(bridge)\(node) uses STP: after a start, or a thaw, it answers nobody for \(InWords.number(seconds)) s"
  }

  /// The same of these bridges on the other nodes that are up, as they reported them: nodes of which the same is true in one sentence.
  static func warnings(bridges: [String], elsewhere view: ClusterView, than node: NodeName) -> [String] {
    let up = view.standingNodes
    let reports = view.reports.filter { $0.key != node && up.contains($0.key) }.sorted { $0.key < $1.key }
    return Set(bridges).sorted().compactMap { bridge in
      let slow = reports.compactMap { name, report in report.value.slowBridges?[bridge].map { (name, $0) } }
      guard let worst = slow.map(\.1).max() else { return nil }
      return warning(bridge, worst, on: " on \(InWords.list(slow.map(\.0.text), most: 3))")
    }
  }

  /// The same of all workloads of a node.
  package func flaws(links: [String]) -> [NodeFlaw] {
    flaws(Set(links.compactMap(bridge))).map {
      NodeFlaw(
        NodeFlaw.slowBridge,
        "uses STP on its bridge \($0.bridge): after a start, or a thaw, workloads there answer nobody for "
          + "\(InWords.number($0.silence.inSeconds)) s")
    }
  }

  /// All of this host's that are silent for so long that it is worth telling, and for how many seconds.
  package var slow: [String: Double] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
    return Dictionary(uniqueKeysWithValues: flaws(Set(names)).prefix(Self.mostTold).map { ($0.bridge, $0.silence.inSeconds) })
  }

  /// A host with more has a network that its people know.
  private static let mostTold = 16

  private func flaws(_ bridges: Set<String>) -> [(bridge: String, silence: Duration)] {
    bridges.sorted().compactMap { bridge in
      silence(of: bridge).flatMap { $0 >= Self.worthTelling ? (bridge, $0) : nil }
    }
  }

  private func number(_ bridge: String, _ file: String) -> Int? {
    guard let text = try? KernelFile.read("\(root)/\(bridge)/bridge/\(file)") else { return nil }
    return Int(text.prefix { !$0.isNewline })
  }

  /// The name comes from a definition: it must not lead elsewhere.
  private static func canBeDevice(_ name: String) -> Bool {
    (1...15).contains(name.utf8.count) && name != "." && name != ".." && !name.contains("/")
  }
}
