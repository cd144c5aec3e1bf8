import Foundation

/// What a node's checks cost it, and what was asked of that.
struct ChecksReport {
  /// What the checks of a measurement ask, and from where.
  enum Asked: String, Codable, CaseIterable {
    case nothing = "none"
    case tcp, http
    case tcpByAddress = "tcp-by-address"
    case httpByAddress = "http-by-address"

    var name: String {
      switch self {
      case .nothing: "no checks"
      case .tcp: "TCP"
      case .http: "HTTP"
      case .tcpByAddress: "TCP, by address"
      case .httpByAddress: "HTTP, by address"
      }
    }

    /// A check's keys for its kind, in a file of specs.
    func keys(at address: String) -> String {
      switch self {
      case .nothing, .tcp: "kind: tcp, port: 80"
      case .http: "kind: http"
      case .tcpByAddress: "kind: tcp, host: \(address), port: 80"
      case .httpByAddress: "kind: http, host: \(address)"
      }
    }
  }

  /// One measurement.
  struct Row: Codable {
    var asked: Asked
    /// Of holdfastd: per cent of one core, and MiB resident at the end.
    var cpu: Double
    var memory: Double
    /// Connections that the containers took, each second.
    var questions: Double
    /// Its share of a core, in those of the same node without checks; nil: that one's was too small to tell.
    var ratio: Double?

    var text: String {
      asked.name.padding(toLength: 20, withPad: " ", startingAt: 0)
        + String(format: "%6.2f %% of a core  %6.1f MiB", cpu, memory)
        + (ratio.map { String(format: "%14.2f", $0) } ?? String(repeating: " ", count: 14))
        + String(format: "%17.0f", questions)
    }
  }

  static let heading = "                    holdfastd           resident     × no checks   asked a second"
  /// Per cent of one core that a node with checks may take.
  private static let mostCPU = 3.0

  let checks: Int
  let workloads: Int
  let seconds: Int
  private(set) var rows: [Row] = []

  init(checks: Int, workloads: Int, seconds: Int) {
    self.checks = checks
    self.workloads = workloads
    self.seconds = seconds
  }

  mutating func add(_ row: Row) {
    var row = row
    if let without = rows.first(where: { $0.asked == .nothing })?.cpu ?? (row.asked == .nothing ? row.cpu : nil), without > 0 {
      row.ratio = row.cpu / without
    }
    rows.append(row)
  }

  var isWithinBounds: Bool { rows.allSatisfy { $0.asked == .nothing || $0.cpu < Self.mostCPU } }

  var title: String {
    "\(checks) checks of \(workloads) containers on one node of three, each asked once a second, over \(seconds) s:"
  }
  var verdict: String {
    String(format: "asked: under %.0f %% of a core with checks: ", Self.mostCPU) + (isWithinBounds ? "met" : "NOT met")
  }

  private struct File: Codable {
    var checks: Int
    var workloads: Int
    var seconds: Int
    var mostCPU: Double
    var isWithinBounds: Bool
    var rows: [Row]
  }

  func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    return try encoder.encode(
      File(
        checks: checks, workloads: workloads, seconds: seconds, mostCPU: Self.mostCPU, isWithinBounds: isWithinBounds,
        rows: rows))
  }
}
