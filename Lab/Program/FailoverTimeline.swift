import HoldfastOperator
import HoldfastTime
import Lab

/// The measured times of one failover: what the probe saw, and what the daemons wrote into the cluster's history.
struct FailoverTimeline {
  /// From the kill to the first answer of each lost container from another host.
  let recovered: [String: Duration]
  let text: String

  init(stage: Stage, victim: LabHost, lost: [String], killed: BootInstant, askedOn host: LabHost) async throws {
    var timeline = Timeline()
    timeline.mark("\(victim) is killed", at: killed)
    var recovered: [String: Duration] = [:]
    for name in lost {
      guard let history = stage.probe.histories[name], let back = history.answered(after: killed, elsewhereThan: "\(victim)")
      else { continue }
      recovered[name] = back - killed
      timeline.mark("\(name) answers from \(history.answers.last?.node ?? "?")", at: back)
    }
    // History is written behind; give its last lines a moment.
    try await Task.sleep(for: .milliseconds(400))
    for line in try await stage.lab.history(on: host) {
      let at = LabClock.instant(milliseconds: line.milliseconds)
      guard at > killed, ["nodeLost", "plannerTaken", "placed", "claimed"].contains(line.kind) else { continue }
      timeline.mark("\(line.node): \(line.text)", at: at)
    }
    self.recovered = recovered
    text = timeline.description
  }
}
