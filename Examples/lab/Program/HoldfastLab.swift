import ArgumentParser

@main
struct HoldfastLab: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "holdfast-lab",
    abstract: "Watches and checks the containers of a lab (Examples/lab/lab).",
    subcommands: [Probe.self, Check.self])
}
