import HoldfastModel
import HostParts

/// Parts of workloads: from the seed, or of a scenario.
public enum MadeUpParts {
  /// - Parameter kind: as its key in a workload's file; nil: there is none of that kind.
  public static func kind(_ kind: String, _ name: String, of workload: WorkloadName) -> HostPart.Kind? {
    switch kind {
    case "mount": mount(name, of: workload)
    case "script": script(name, of: workload)
    case "ocf": agent
    default: nil
    }
  }

  static func parts(of workload: WorkloadName, _ dice: Dice) -> [HostPart] {
    var parts: [HostPart] = []
    func add(_ name: String, _ kind: HostPart.Kind) {
      parts.append(
        HostPart(
          name: name, kind: kind, startTimeout: Double(dice.number(3...8)), stopTimeout: Double(dice.number(2...4)),
          interval: Double(dice.number(1...3)), statusTimeout: Double(dice.number(1...2))))
    }
    if dice.chance(0.8) { add("data", mount("data", of: workload)) }
    if parts.isEmpty || dice.chance(0.8) { add("server", script("server", of: workload)) }
    if dice.chance(0.3) { add("logs", mount("logs", of: workload)) }
    if dice.chance(0.4) { add("front", agent) }
    return parts
  }

  /// On storage that every node reaches.
  private static func mount(_ name: String, of workload: WorkloadName) -> HostPart.Kind {
    .mount(MountPart(what: "/dev/mapper/san-\(workload)-\(name)", place: "/srv/\(workload)/\(name)", type: "ext4"))
  }

  private static func script(_ name: String, of workload: WorkloadName) -> HostPart.Kind {
    let path = "/usr/local/lib/\(workload)/\(name)"
    return .script(ScriptPart(start: [path, "start"], stop: [path, "stop"], status: [path, "status"]))
  }

  private static let agent = HostPart.Kind.ocf(AgentPart(agent: "ocf:heartbeat:nginx"))
}
