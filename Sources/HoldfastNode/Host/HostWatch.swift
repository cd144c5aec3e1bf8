import HoldfastController
import HoldfastModel

/// Looks now and then at what of this host people should know and nobody else tells.
struct HostWatch: Sendable {
  let loop: ControllerLoop
  let cluster: String
  /// What people should know of this node's hypervisor.
  let hypervisor: @Sendable () async -> [NodeFlaw]
  /// What people should know of the receivers of its notices.
  let receivers: @Sendable () async -> [NodeFlaw]

  /// From one look to the next: what is looked for changes when somebody sets the host up.
  private static let interval: Duration = .seconds(60)
  /// At the start libvirt has not told yet what runs.
  private static let firstLook: Duration = .seconds(5)

  /// Looks until its task is cancelled.
  func run() async {
    var told: [NodeFlaw] = [], toldSlow: [String: Double] = [:]
    await inRounds(every: Self.interval, after: Self.firstLook) {
      let flaws = Bridges().flaws(links: await links()) + (await hypervisor()) + (await receivers())
      if flaws != told { loop.send(.host(flaws)) }
      told = flaws
      let slow = Bridges().slow
      if slow != toldSlow { loop.send(.slowBridges(slow)) }
      toldSlow = slow
    }
  }

  private func links() async -> [String] {
    await loop.picture().observations.values.filter { $0.mark?.cluster == cluster }.flatMap(\.links)
  }
}
