import ArgumentParser
import Foundation
import Lab

/// The main job, shown: hosts up, containers spread, one host killed, its containers answering from the others.
struct Demo: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Three hosts, nine containers, one host killed: what happens, as it happens.")

  @Option(help: "Hosts.")
  var hosts = 3
  @Option(help: "Containers.")
  var containers = 9
  @Flag(help: "Leave the lab up, and print how to look around.")
  var keep = false

  func run() async throws {
    let lab = try LabCluster()
    try await lab.down()
    print("Starting \(hosts) hosts on this machine …")
    do {
      let stage = try await Stage.make(lab: lab, hosts: hosts, count: containers) { print($0) }
      print("\(containers) containers answer HTTP \(seconds(stage.settled)) s after 'holdfast apply'\n")
      let killed = try await show(stage)
      if keep { tellHowToLookAround(killed) } else { try await stage.end() }
    } catch {
      if !keep { try? await lab.down(keepLogs: true) }
      throw error
    }
  }

  /// - Returns: the host that was killed.
  private func show(_ stage: Stage) async throws -> LabHost {
    let screen = LiveTable(stage: stage)
    await screen.run(for: .seconds(2))
    let planner = try await stage.lab.planner()
    let victim = victim(of: stage, planner: planner)
    let lost = stage.containers(on: victim)
    let killed = try await stage.lab.kill(victim)
    screen.say(
      "SIGKILL to every process of \(victim)\(victim == planner ? ", the planner" : ""), which runs \(lost.joined(separator: ", "))"
    )
    await screen.run(for: .seconds(30)) { histories in
      lost.allSatisfy { histories[$0]?.answered(after: killed, elsewhereThan: "\(victim)") != nil }
    }
    await screen.run(for: .seconds(1))
    screen.end()
    let survivor = (1...hosts).map(LabHost.init).first { $0 != victim } ?? LabHost(1)
    let timeline = try await FailoverTimeline(stage: stage, victim: victim, lost: lost, killed: killed, askedOn: survivor)
    print("\nWhat happened, in seconds since the kill:\n\n\(timeline.text)\n")
    print(try await stage.lab.holdfast(["status"], on: survivor))
    return victim
  }

  /// The planner's host if it runs anything, because that is the harder case; never the host that answers our questions.
  private func victim(of stage: Stage, planner: LabHost?) -> LabHost {
    let busy = (1...hosts).map(LabHost.init).filter { !stage.containers(on: $0).isEmpty }
    return busy.first { $0 == planner } ?? busy.last ?? LabHost(hosts)
  }

  private func tellHowToLookAround(_ killed: LabHost) {
    print(
      """

      The lab is still up. Look around:
        Lab/lab run h2 holdfast status          what a node sees
        Lab/lab run h2 holdfast events          what happened
        Lab/lab run h2 virsh -c lxc:///system list
        Lab/lab boot \(killed)                         power the killed host on again
        Lab/lab                                 everything else: kill, cut, freeze, heal
        Lab/lab down                            end it, leaving nothing behind
      """)
  }
}
