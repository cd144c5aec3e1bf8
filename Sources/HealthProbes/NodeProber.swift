import HoldfastChecks
import HoldfastModel

/// Who makes the probes of node checks.
public protocol NodeProbeMaker: Sendable {
  /// Makes one probe; ends at once when its task is cancelled.
  ///
  /// - Parameter limit: from now on; what has not answered by then answers badly.
  func ask(_ probe: NodeProbe, as check: CheckName, within limit: Duration) async -> ProbeResult.Answer
}

/// Asks a node about itself. What may wait for a file system is done on threads of its own, and once at a time for each path: a file system that hangs
/// holds up one thread, and no other check.
public final class NodeProber: NodeProbeMaker {
  private let node: NodeName
  private let probes: HealthProbes
  private let commands: CommandProber
  private let files = NodeFiles()
  private let kernel: NodeKernel

  /// Scripts of node checks at once: they are few, and do not wait for those of workloads.
  private static let scriptsAtOnce = 4

  public convenience init(node: NodeName, with probes: HealthProbes) {
    self.init(node: node, with: probes, kernel: NodeKernel())
  }

  package init(node: NodeName, with probes: HealthProbes, kernel: NodeKernel) {
    self.node = node
    self.probes = probes
    self.kernel = kernel
    commands = CommandProber(atOnce: Self.scriptsAtOnce, of: "node checks")
  }

  public func ask(_ probe: NodeProbe, as check: CheckName, within limit: Duration) async -> ProbeResult.Answer {
    let end = ContinuousClock.now + limit
    switch probe {
    case .link(let name):
      return await files.answer(about: "the interface \(name)", within: limit, until: end) { [kernel] in kernel.link(name) }
    case .ping(let probe): return await ping(probe.address, within: limit)
    case .gateway:
      switch kernel.gateway() {
      case .success(let address): return await ping(address, within: limit)
      case .failure(let missing): return missing.answer
      }
    case .writable(let path):
      let name = ".holdfast-check-\(node)"
      return await files.answer(about: path, within: limit, until: end) { NodeFiles.write(name, in: path) }
    case .diskSpace(let probe):
      return await files.answer(about: probe.path, within: limit, until: end) { NodeFiles.space(probe) }
    case .memory(let probe): return kernel.memory(probe)
    case .script(let probe):
      let target = ["HOLDFAST_NODE": node.text, "HOLDFAST_CHECK": check.text]
      return HealthProbes.answer(
        of: await commands.run([probe.path] + probe.arguments, variables: target, until: end), to: probe, within: limit)
    }
  }

  /// That this node has no way there says nothing of a service behind it, and everything of the node.
  private func ping(_ address: String, within limit: Duration) async -> Answer {
    let answer = await probes.ping(address, within: limit)
    if case .cannotTell(let reason) = answer, Words.hasNoWay(reason) { return .bad(reason: reason) }
    return answer
  }
}
