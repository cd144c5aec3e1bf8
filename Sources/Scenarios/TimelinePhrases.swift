import HoldfastModel
import Simulator

/// What can happen in a scenario. A sentence can stand for several things at once.
enum TimelinePhrases {
  static let sentences = Sentences<[Happening]>(
    phrases: hosts + links + store + processes + libvirt + domains + ServicePhrases.all + AddressPhrases.happenings
      + NodeCheckPhrases.happenings + PartPhrases.happenings + kernel
      + people,
    kind: "something that happens", example: "power off n1")

  // The service manager's restart delays.
  private static let controllerBack = Span.seconds(1)
  private static let guardBack = Span.milliseconds(500)
  private static let libvirtBack = Span.seconds(2)

  private static let hosts: [Phrase<[Happening]>] = [
    .init("power off NODES", "The hosts lose power.") { $0.nodes().map { .powerFails($0, back: nil) } },
    .init("power off NODES for SPAN", "The hosts lose power and boot again after that time.") {
      let nodes = $0.nodes(), span = $0.span()
      return nodes.map { .powerFails($0, back: span) }
    },
    .init("power on NODES", "The hosts boot.") { $0.nodes().map { .powerReturns($0) } },
    .init("pause NODES", "The hosts stop as a whole, as a guest does when its hypervisor stops it.") {
      $0.nodes().map { .hostPauses($0, for: nil) }
    },
    .init("pause NODES for SPAN", "The same, and after that time everything on them continues at once.") {
      let nodes = $0.nodes(), span = $0.span()
      return nodes.map { .hostPauses($0, for: span) }
    },
    .init("resume NODES", "The paused hosts continue.") { $0.nodes().map { .hostGoesOn($0) } },
    .init("clock of NODE gains RATE", "Its clock runs so much faster than the world's.") {
      [.clockRuns($0.node(), rate: $0.number())]
    },
    .init("clock of NODE loses RATE", "Its clock runs so much slower than the world's.") {
      [.clockRuns($0.node(), rate: -$0.number())]
    }
  ]

  private static let links: [Phrase<[Happening]>] = [
    .init("cut NODES", "The nodes are cut off from the store, both ways.") { [.cutOff($0.nodes(), .both, for: nil)] },
    .init("cut NODES for SPAN", "The same, for that time.") {
      [.cutOff($0.nodes(), .both, for: $0.span())]
    },
    .init("cut requests of NODES", "What the nodes send does not reach the store; its answers and news would reach them.") {
      [.cutOff($0.nodes(), .requests, for: nil)]
    },
    .init("cut requests of NODES for SPAN", "The same, for that time.") {
      [.cutOff($0.nodes(), .requests, for: $0.span())]
    },
    .init("cut answers to NODES", "What the nodes send reaches the store; its answers and news do not reach them.") {
      [.cutOff($0.nodes(), .answers, for: nil)]
    },
    .init("cut answers to NODES for SPAN", "The same, for that time.") {
      [.cutOff($0.nodes(), .answers, for: $0.span())]
    },
    .init("connect NODES", "The nodes reach the store again.") { [.connected($0.nodes())] },
    .init("disturb NODES for SPAN", "A third of the messages between the nodes and the store is lost, a third comes late.") {
      [.linksBad($0.nodes(), share: 0.3, for: $0.span())]
    },
    .init("deafen NODES for SPAN", "The nodes' watches tell nothing; their requests are answered.") {
      let nodes = $0.nodes(), span = $0.span()
      return nodes.map { .watchDeaf($0, for: span) }
    }
  ]

  private static let store: [Phrase<[Happening]>] = [
    .init("store down", "Nobody gets an answer from the store.") { _ in [.storeStops(.silent, for: nil)] },
    .init("store down for SPAN", "The same, for that time.") { [.storeStops(.silent, for: $0.span())] },
    .init("store refuses", "The store refuses every request at once.") { _ in [.storeStops(.refusing, for: nil)] },
    .init("store refuses for SPAN", "The same, for that time.") { [.storeStops(.refusing, for: $0.span())] },
    .init("store up", "The store serves again.") { _ in [.storeServes] },
    .init("store full", "What puts anything is refused, what only deletes is applied: etcd beyond its quota.") { _ in
      [.storeFull(for: nil)]
    },
    .init("store full for SPAN", "The same, for that time.") { [.storeFull(for: $0.span())] },
    .init("store has room", "The store takes everything again.") { _ in [.storeHasRoom] },
    .init("store slow for SPAN", "The store takes 100 ms to 1.2 s for each request.") {
      [.storeSlows(least: 100, most: 1200, for: $0.span())]
    },
    .init("store changes leader for SPAN", "Meanwhile requests wait, are refused, or vanish.") {
      [.storeChangesLeader(for: $0.span())]
    },
    .init("store forgets its history", "Compaction: watches that lag must list anew.") { _ in [.storeCompacts] },
    .init("lose intent of WORKLOAD", "Somebody deletes the record of what is wanted of it (`intents/WORKLOAD`).") {
      [.intentLost($0.workload())]
    }
  ]

  private static func each(
    _ filling: inout Filling, back: Span?, _ make: (NodeName, Span?) -> Happening
  ) -> [Happening] {
    filling.nodes().map { make($0, back) }
  }

  private static let processes: [Phrase<[Happening]>] = [
    .init("kill controller of NODES", "holdfastd is killed; its service manager starts it again after \(controllerBack).") {
      each(&$0, back: controllerBack) { .controllerDies($0, back: $1) }
    },
    .init("kill controller of NODES for SPAN", "holdfastd is killed and is back after that time: a crash, or an upgrade.") {
      let nodes = $0.nodes(), span = $0.span()
      return nodes.map { .controllerDies($0, back: span) }
    },
    .init("kill controller of NODES for good", "holdfastd is killed and does not come back.") {
      each(&$0, back: nil) { .controllerDies($0, back: $1) }
    },
    .init("start controller of NODES", "holdfastd is started.") { $0.nodes().map { .controllerStarts($0) } },
    .init("halt controller of NODES for SPAN", "holdfastd is stopped (SIGSTOP) for that time.") {
      let nodes = $0.nodes(), span = $0.span()
      return nodes.map { .controllerHalts($0, for: span) }
    },
    .init("kill guard of NODES", "The guard is killed; its service manager starts it again after \(guardBack).") {
      each(&$0, back: guardBack) { .guardDies($0, back: $1) }
    },
    .init("kill guard of NODES for SPAN", "The guard is killed and is back after that time.") {
      let nodes = $0.nodes(), span = $0.span()
      return nodes.map { .guardDies($0, back: span) }
    },
    .init("kill guard of NODES for good", "The guard is killed and does not come back.") {
      each(&$0, back: nil) { .guardDies($0, back: $1) }
    },
    .init("start guard of NODES", "The guard is started.") { $0.nodes().map { .guardStarts($0) } }
  ]

  private static let libvirt: [Phrase<[Happening]>] = [
    .init("kill libvirt of NODES", "libvirtd is killed and started again after \(libvirtBack); domains run on.") {
      each(&$0, back: libvirtBack) { .libvirtDies($0, back: $1) }
    },
    .init("kill libvirt of NODES for SPAN", "libvirtd is killed and is back after that time.") {
      let nodes = $0.nodes(), span = $0.span()
      return nodes.map { .libvirtDies($0, back: span) }
    },
    .init("kill libvirt of NODES for good", "libvirtd is killed and does not come back.") {
      each(&$0, back: nil) { .libvirtDies($0, back: $1) }
    },
    .init("start libvirt of NODES", "libvirtd is started.") { $0.nodes().map { .libvirtStarts($0) } },
    .init("hang libvirt of NODES for SPAN", "libvirtd takes calls and answers none.") {
      let nodes = $0.nodes(), span = $0.span()
      return nodes.map { .libvirtHangs($0, for: span) }
    },
    .init("slow libvirt of NODES for SPAN", "Starts take 0.5 s to 3 s.") {
      let nodes = $0.nodes(), span = $0.span()
      return nodes.map { .libvirtSlows($0, least: 500, most: 3000, for: span) }
    },
    .init("fail libvirt of NODES for SPAN", "Every second call fails.") {
      let nodes = $0.nodes(), span = $0.span()
      return nodes.map { .libvirtFails($0, share: 0.5, for: span) }
    }
  ]

  private static let domains: [Phrase<[Happening]>] = [
    .init("fail start of WORKLOAD on NODES", "It does not start there, until it is mended; a reboot mends nothing.") {
      let workload = $0.workload()
      return $0.nodes().map { .startsBreak(workload, $0, times: nil, for: nil) }
    },
    .init("fail start of WORKLOAD on NODES TIMES", "Its next starts there fail, so many times.") {
      let workload = $0.workload(), nodes = $0.nodes(), times = $0.number()
      return nodes.map { .startsBreak(workload, $0, times: times, for: nil) }
    },
    .init("fail start of WORKLOAD on NODES for SPAN", "It does not start there for that time.") {
      let workload = $0.workload(), nodes = $0.nodes(), span = $0.span()
      return nodes.map { .startsBreak(workload, $0, times: nil, for: span) }
    },
    .init("mend start of WORKLOAD on NODES", "It starts there again.") {
      let workload = $0.workload()
      return $0.nodes().map { .startsMended(workload, $0) }
    },
    .init("fail stop of WORKLOAD on NODES", "libvirt fails to stop it there, until it is mended: it runs on.") {
      let workload = $0.workload()
      return $0.nodes().map { .stopsBreak(workload, $0, times: nil, for: nil) }
    },
    .init("fail stop of WORKLOAD on NODES TIMES", "Its next stops there fail, so many times.") {
      let workload = $0.workload(), nodes = $0.nodes(), times = $0.number()
      return nodes.map { .stopsBreak(workload, $0, times: times, for: nil) }
    },
    .init("fail stop of WORKLOAD on NODES for SPAN", "libvirt fails to stop it there for that time.") {
      let workload = $0.workload(), nodes = $0.nodes(), span = $0.span()
      return nodes.map { .stopsBreak(workload, $0, times: nil, for: span) }
    },
    .init("mend stop of WORKLOAD on NODES", "It can be stopped there again.") {
      let workload = $0.workload()
      return $0.nodes().map { .stopsMended(workload, $0) }
    },
    .init("start copy of WORKLOAD on NODE", "Somebody starts it there by hand, outside protection, wherever else it runs.") {
      let workload = $0.workload()
      return [.startedByHand(workload, $0.node())]
    },
    .init("block job of WORKLOAD on NODE for SPAN", "A backup or a block copy: libvirt refuses to migrate it there meanwhile.")
    {
      let workload = $0.workload(), node = $0.node()
      return [.blockJob(workload, node, for: $0.span())]
    },
    .init("refuse migrations to NODES for SPAN", "Others' libvirts cannot connect to theirs: its certificate has expired.") {
      let nodes = $0.nodes(), span = $0.span()
      return nodes.map { .inboundFails($0, for: span) }
    },
    .init(
      "snapshot WORKLOAD",
      "From then on it writes to another disk than its definition names: an external snapshot, past Holdfast."
    ) {
      [.diskReplaced($0.workload())]
    },
    .init(
      "define copy of WORKLOAD on NODES",
      "Somebody defines it there by hand, shut off and without autostart: it cannot start there."
    ) {
      let workload = $0.workload()
      return $0.nodes().map { .definedByHand(workload, $0) }
    },
    .init("undefine copy of WORKLOAD on NODES", "That definition is taken away.") {
      let workload = $0.workload()
      return $0.nodes().map { .undefinedByHand(workload, $0) }
    },
    .init(
      "forget machine type of WORKLOAD on NODES",
      "QEMU there does not know it: libvirt says so when its node asks, a start fails there, and so does a migration to there."
    ) {
      let workload = $0.workload()
      return $0.nodes().map { .machineTypeForgotten(workload, $0) }
    },
    .init("know machine type of WORKLOAD on NODES", "QEMU there knows it again, as after an upgrade.") {
      let workload = $0.workload()
      return $0.nodes().map { .machineTypeKnown(workload, $0) }
    },
    .init("break migration from NODES at prepare", "The next live migration from there is refused by its target.") {
      $0.nodes().map { .migrationBreaks($0, at: .prepare) }
    },
    .init("break migration from NODES at transfer", "It breaks off while memory is sent.") {
      $0.nodes().map { .migrationBreaks($0, at: .transfer) }
    },
    .init("break migration from NODES at finish", "All of it has arrived, and the target's answer is lost.") {
      $0.nodes().map { .migrationBreaks($0, at: .finish) }
    },
    .init(
      "break migration from NODES at confirm", "All of it has arrived, and the source's libvirtd dies before it ends its own."
    ) {
      $0.nodes().map { .migrationBreaks($0, at: .confirm) }
    },
    .init("end DOMAIN on NODE", "The domain ends by itself: its process fails.") {
      let name = $0.domain()
      return [.domainEnds($0.node(), name)]
    },
    .init("power down DOMAIN on NODE", "Its guest powers itself off, if it executes there: the domain ends.") {
      let name = $0.domain()
      return [.guestPowersDown($0.node(), name)]
    },
    .init("crash DOMAIN on NODE", "Its guest crashes, if it executes there, and libvirt keeps it (`on_crash preserve`).") {
      let name = $0.domain()
      return [.guestCrashes($0.node(), name)]
    }
  ]

  private static let kernel: [Phrase<[Happening]>] = [
    .init("doubt freezes of NODES for SPAN", "Freezes there take effect, but cannot be confirmed.") {
      let nodes = $0.nodes(), span = $0.span()
      return nodes.map { .freezesUnconfirmed($0, for: span) }
    },
    .init(
      "doubt frozen starts of NODES for SPAN", "A freeze there cannot be confirmed while a start that it caught is not killed."
    ) {
      let nodes = $0.nodes(), span = $0.span()
      return nodes.map { .startsHoldFreezes($0, for: span) }
    },
    .init("slow freezes of NODES by SPAN for SPAN", "Freezes there hold so much later.") {
      let nodes = $0.nodes(), extra = $0.span(), span = $0.span()
      return nodes.map { .freezesSlowly($0, by: extra, for: span) }
    },
    .init("fail kills of NODES for SPAN", "Every second attempt of the guard at a kill reaches nobody.") {
      let nodes = $0.nodes(), span = $0.span()
      return nodes.map { .killsFail($0, for: span) }
    }
  ]

  private static let people: [Phrase<[Happening]>] = [
    .init("define WORKLOAD", "It comes under protection: not before, if the timeline has this sentence.") {
      [.asked(.define($0.workload()), through: nil)]
    },
    .init("start WORKLOAD", "`holdfast start`") { [.asked(.start($0.workload()), through: nil)] },
    .init("stop WORKLOAD", "`holdfast stop`") { [.asked(.stop($0.workload()), through: nil)] },
    .init("restart WORKLOAD", "`holdfast restart`: stopped, and started on the same node.") {
      [.asked(.errand(.restart, $0.workload()), through: nil)]
    },
    .init("reset WORKLOAD", "`holdfast reset`: the same without a shutdown.") {
      [.asked(.errand(.reset, $0.workload()), through: nil)]
    },
    .init("suspend WORKLOAD", "`holdfast pause`: paused by libvirt where it runs.") {
      [.asked(.errand(.pause, $0.workload()), through: nil)]
    },
    .init("let WORKLOAD go on", "`holdfast resume`: what is paused continues.") {
      [.asked(.errand(.resume, $0.workload()), through: nil)]
    },
    .init(
      "accept stored WORKLOAD", "`holdfast accept --stored`: it may be started from its definition, though its disk is newer."
    ) {
      [.asked(.acceptStored($0.workload()), through: nil)]
    },
    .init("move WORKLOAD to NODE", "`holdfast move`") {
      let workload = $0.workload()
      return [.asked(.move(workload, $0.node()), through: nil)]
    },
    .init("release WORKLOAD", "`holdfast release`: out of protection, and left running.") {
      [.asked(.release($0.workload()), through: nil)]
    },
    .init("adopt DOMAIN on NODE", "`holdfast adopt`, for a domain that runs there outside protection.") {
      let name = $0.domain()
      return [.asked(.adopt(name, $0.node()), through: nil)]
    },
    .init(
      "policies NUMBER", "`holdfast policy apply`: those at this place of `cluster.policies` come into force, counted from 1."
    ) {
      [.asked(.policies($0.number() - 1), through: nil)]
    },
    .init("maintenance on NODES", "`holdfast maintenance enter`: they are drained and kept empty.") {
      $0.nodes().map { .asked(.enter($0, within: nil), through: nil) }
    },
    .init("maintenance on NODES within SPAN", "The same; what has not left after that time is stopped and started.") {
      let nodes = $0.nodes(), span = $0.span()
      return nodes.map { .asked(.enter($0, within: span), through: nil) }
    },
    .init("maintenance off NODES", "`holdfast maintenance exit`: their workloads move back, as policies say.") {
      $0.nodes().map { .asked(.exit($0, .byPolicy), through: nil) }
    },
    .init("cancel maintenance of NODES", "`holdfast maintenance cancel`: workloads that have left stay where they are.") {
      $0.nodes().map { .asked(.exit($0, .nothing), through: nil) }
    },
    .init("clear failures of NODES", "`holdfast node clear-failures`: their losses are forgotten, and their quarantine ends.") {
      $0.nodes().map { .asked(.clearFailures($0), through: nil) }
    },
    .init("remove NODES", "`holdfast node remove`: nodes that are down for good are forgotten; one that is up is refused.") {
      $0.nodes().map { .asked(.remove($0), through: nil) }
    },
    .init("disarm", "`holdfast disarm`: automatic recovery is off until `arm`.") { _ in
      [.asked(.disarm(for: nil), through: nil)]
    },
    .init("disarm for SPAN", "The same; it is armed by itself after that time.") {
      [.asked(.disarm(for: $0.span()), through: nil)]
    },
    .init("arm", "`holdfast arm`") { _ in [.asked(.arm, through: nil)] },
    .init("moves off", "`holdfast moves off`: nothing moves by itself until `moves on`.") { _ in
      [.asked(.movesOff, through: nil)]
    },
    .init("moves on", "`holdfast moves on`") { _ in [.asked(.movesOn, through: nil)] },
    .init("leave NODES", "The nodes depart cleanly: holdfastd hands over and ends.") {
      $0.nodes().map { .asked(.leave($0, back: nil), through: nil) }
    },
    .init(
      "leave NODES for SPAN", "The same, and holdfastd is started again after that time, or when it has left, if that is later."
    ) {
      let nodes = $0.nodes(), span = $0.span()
      return nodes.map { .asked(.leave($0, back: span), through: nil) }
    },
    .init("return NODES", "holdfastd is started on nodes that left.") {
      $0.nodes().map { .asked(.comeBack($0), through: nil) }
    }
  ]
}
