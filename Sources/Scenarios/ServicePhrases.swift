import HoldfastModel
import Simulator

/// What can happen to the services of workloads that have a check.
enum ServicePhrases {
  static let all: [Phrase<[Happening]>] = [
    .init(
      "kill service of WORKLOAD", "What it is for dies where it runs, and its domain runs on; started anew it answers again."
    ) {
      [.serviceDies($0.workload())]
    },
    .init("fail service of WORKLOAD on NODES", "It answers nothing there, also when it is started anew, until it is mended.") {
      let workload = $0.workload()
      return $0.nodes().map { .serviceBreaks(workload, $0, for: nil) }
    },
    .init("fail service of WORKLOAD on NODES for SPAN", "The same, for that time.") {
      let workload = $0.workload(), nodes = $0.nodes(), span = $0.span()
      return nodes.map { .serviceBreaks(workload, $0, for: span) }
    },
    .init("mend service of WORKLOAD on NODES", "It answers there again.") {
      let workload = $0.workload()
      return $0.nodes().map { .serviceMended(workload, $0) }
    },
    .init("flap service of WORKLOAD on NODES for SPAN", "Every second answer of it there is bad.") {
      let workload = $0.workload(), nodes = $0.nodes(), span = $0.span()
      return nodes.map { .serviceFlaps(workload, $0, for: span) }
    },
    .init("blind check of WORKLOAD on NODES for SPAN", "Its check cannot be made there.") {
      let workload = $0.workload(), nodes = $0.nodes(), span = $0.span()
      return nodes.map { .checksBlind(workload, $0, for: span) }
    }
  ]
}
