import CSystemd
import HoldfastController
import HoldfastModel
import HoldfastTime
import LinuxBasics

/// Tells systemd that the daemon is ready, what it is doing, and that it lives (`Type=notify`, `WatchdogSec=`).
package struct ServiceNotifier: Sendable {
  private let loop: ControllerLoop
  private let node: NodeName

  package init(loop: ControllerLoop, node: NodeName) {
    self.loop = loop
    self.node = node
  }

  package static func ready() { sd_notify(0, "READY=1") }

  /// The service may take so long to stop, whatever `TimeoutStopSec=` says.
  package static func needs(_ time: Duration) { sd_notify(0, "EXTEND_TIMEOUT_USEC=\(Int64(time.inSeconds * 1_000_000))") }

  package static func stopping(_ status: String) { sd_notify(0, "STOPPING=1\nSTATUS=\(status)") }

  /// Until cancelled: the status line once a second where it changed, the watchdog in a third of its time. The watchdog is fed
  /// only while the controller's loop takes its turns: a loop that hangs is restarted, and the guard holds the deadline meanwhile.
  package func run() async {
    var microseconds: UInt64 = 0
    let isWatched = sd_watchdog_enabled(0, &microseconds) > 0 && microseconds > 0
    let pause: Duration = isWatched ? min(.microseconds(Int64(microseconds) / 3), .seconds(1)) : .seconds(1)
    var said = ""
    while !Task.isCancelled {
      loop.send(.tick)
      try? await Task.sleep(for: pause)
      let silence = BootClock.now - (await loop.lastTurn)
      if isWatched, silence < pause * 2 { sd_notify(0, "WATCHDOG=1") }
      let status = await statusLine()
      if status != said {
        said = status
        sd_notify(0, "STATUS=\(status)")
      }
    }
  }

  private func statusLine() async -> String {
    let view = await loop.view
    let mine = view.claims.values.count { $0.value.holder?.node == node && view.isHeld($0.value) }
    let planner = view.planner.map { $0.value.node.text } ?? "none"
    let guardPhase = await loop.guardSummary
    return
      "\(mine) workloads here, \(view.standingNodes.count) of \(view.nodes.count) nodes up, planner \(planner), guard \(guardPhase)"
  }
}
