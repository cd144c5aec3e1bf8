import HoldfastModel
import Simulator

/// What can happen to parts of workloads, and what can be expected of them.
enum PartPhrases {
  static let happenings: [Phrase<[Happening]>] = [
    .init("break start of part PART of WORKLOAD on NODES", "Its starts there fail, until it is mended.") {
      let part = $0.part()
      return $0.nodes().map { .partStartBreaks(part, $0, hangs: false, for: nil) }
    },
    .init("break start of part PART of WORKLOAD on NODES for SPAN", "The same, for that time.") {
      let part = $0.part(), nodes = $0.nodes(), span = $0.span()
      return nodes.map { .partStartBreaks(part, $0, hangs: false, for: span) }
    },
    .init("hang start of part PART of WORKLOAD on NODES for SPAN", "Starts of it that begin there in that time do not end.") {
      let part = $0.part(), nodes = $0.nodes(), span = $0.span()
      return nodes.map { .partStartBreaks(part, $0, hangs: true, for: span) }
    },
    .init(
      "break stop of part PART of WORKLOAD on NODES",
      "Its stops there fail, as of a file system that somebody keeps busy, until it is mended."
    ) {
      let part = $0.part()
      return $0.nodes().map { .partStopBreaks(part, $0, hangs: false, for: nil) }
    },
    .init("break stop of part PART of WORKLOAD on NODES for SPAN", "The same, for that time.") {
      let part = $0.part(), nodes = $0.nodes(), span = $0.span()
      return nodes.map { .partStopBreaks(part, $0, hangs: false, for: span) }
    },
    .init("hang stop of part PART of WORKLOAD on NODES for SPAN", "Stops of it that begin there in that time do not end.") {
      let part = $0.part(), nodes = $0.nodes(), span = $0.span()
      return nodes.map { .partStopBreaks(part, $0, hangs: true, for: span) }
    },
    .init("mend part PART of WORKLOAD on NODES", "It starts and stops there again.") {
      let part = $0.part()
      return $0.nodes().map { .partMended(part, $0) }
    },
    .init("end part PART of WORKLOAD", "It ends by itself where it is up: its daemon, or its mount.") {
      [.partDies($0.part())]
    },
    .init("blind part PART of WORKLOAD on NODES for SPAN", "Its status there does not answer.") {
      let part = $0.part(), nodes = $0.nodes(), span = $0.span()
      return nodes.map { .partBlind(part, $0, for: span) }
    }
  ]

  static let statements: [Phrase<Statement>] = [
    .init("part PART of WORKLOAD is up on NODE", "Its daemon is there, or its file system is mounted; frozen or not.") {
      let part = $0.part()
      return .partIsUp(part, on: $0.node())
    },
    .init("part PART of WORKLOAD is not up on NODE", "The opposite.") {
      let part = $0.part()
      return .not(.partIsUp(part, on: $0.node()))
    }
  ]
}
