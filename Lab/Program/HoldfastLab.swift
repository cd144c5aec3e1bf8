import ArgumentParser

@main
struct HoldfastLab: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "holdfast-lab",
    abstract: "Shows, measures and checks what Holdfast does in a lab (Lab/lab).",
    subcommands: [Demo.self, BenchFailover.self, BenchIdle.self, BenchChecks.self, Probe.self, Check.self])
}
