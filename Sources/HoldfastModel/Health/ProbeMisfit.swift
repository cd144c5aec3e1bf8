/// What a probe asks for that a workload of its kind does not have.
public enum ProbeMisfit: Hashable, Sendable {
  /// A virtual machine's own network and files are not to be reached from its node.
  case noHost, files
  /// Guest agents are for virtual machines.
  case agent
  /// A workload of the host itself has no network of its own, and nothing to look into.
  case noHostOnHost, guestOnHost

  /// A clause about the check.
  public var reason: String {
    switch self {
    case .noHost: "names no host, and a virtual machine's own network is not to be reached from its node"
    case .files: "looks at a file, and a virtual machine's files are not to be reached from its node"
    case .agent: "asks a guest agent, which a container does not have"
    case .noHostOnHost: "names no host, and a workload of the host itself has no network of its own"
    case .guestOnHost: "looks into a guest, and a workload of the host itself has none"
    }
  }

  public var remedy: String {
    switch self {
    case .noHost: "Add 'host: ADDRESS', an address at which nodes reach it."
    case .files: "Use 'kind: exec': its guest agent runs a command that looks."
    case .agent: "Use 'kind: exec': a command is run in the container."
    case .noHostOnHost: "Add 'host: ADDRESS', such as 127.0.0.1 or one of its addresses."
    case .guestOnHost: "Use 'kind: script': a command is run on the node."
    }
  }
}

extension Probe {
  /// nil: a workload on this connection can be asked so.
  public func misfit(on connection: String) -> ProbeMisfit? {
    if SpecRecord.isOfHost(connection) { return misfitOnHost }
    let isContainer = connection.hasPrefix("lxc")
    switch self {
    case .tcp(let probe): return !isContainer && probe.host == nil ? .noHost : nil
    case .http(let probe): return !isContainer && probe.host == nil ? .noHost : nil
    case .file: return isContainer ? nil : .files
    case .agent: return isContainer ? .agent : nil
    case .ping, .exec, .script, .other: return nil
    }
  }

  private var misfitOnHost: ProbeMisfit? {
    switch self {
    case .tcp(let probe): probe.host == nil ? .noHostOnHost : nil
    case .http(let probe): probe.host == nil ? .noHostOnHost : nil
    case .exec, .agent, .file: .guestOnHost
    case .ping, .script, .other: nil
    }
  }
}
