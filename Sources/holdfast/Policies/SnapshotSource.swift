import ArgumentParser
import HoldfastAPI
import HoldfastPlanning
import HoldfastPolicies
import HoldfastYAML

/// The cluster that is asked about: the live one, or a file.
struct SnapshotSource: ParsableArguments {
  @OptionGroup var daemon: DaemonOptions

  @Option(
    help: ArgumentHelp("Query this snapshot (written by `holdfast snapshot`) instead of the live cluster.", valueName: "file"),
    completion: .file())
  var snapshot: String?

  /// A cluster, and what its own policies say.
  struct Loaded {
    var snapshot: ClusterSnapshot
    var policies: PolicySet
  }

  func load() async throws -> Loaded {
    let loaded =
      if let snapshot { try SnapshotFile.read(snapshot) } else {
        try await daemon.client.get("/snapshot", as: ClusterSnapshot.self)
      }
    if loaded.format > ClusterSnapshot.currentFormat {
      throw Failure(
        thing: "the snapshot of holdfastd",
        reason: "it has format \(loaded.format), and this build reads \(ClusterSnapshot.currentFormat)",
        remedy: "Use the holdfast of the daemon's version: `holdfastd --version` against `holdfast --version`.")
    }
    let policies = try PolicyFiles.understood(
      loaded.policies, thing: "the policies of cluster \(loaded.cluster)",
      remedy: "Use the holdfast of the cluster's version, or name policies with --policies.")
    return Loaded(snapshot: loaded, policies: policies)
  }
}

/// Policies in place of those in force.
struct PolicyOptions: ParsableArguments {
  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Assume that these policies are in force, and no others: files, or directories of *.yaml.", valueName: "path"),
    completion: .file())
  var policies: [String] = []

  /// nil: those in force are meant.
  func read() throws -> PolicySet? {
    policies.isEmpty ? nil : try PolicyFiles.read(policies).policies
  }
}
