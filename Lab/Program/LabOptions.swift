import ArgumentParser
import Lab

/// Which lab.
struct LabOptions: ParsableArguments {
  @Option(help: "The lab's state folder. (default: $LAB, else /var/tmp/holdfast-lab)")
  var state: String?

  var lab: LabCluster {
    get throws { try LabCluster(state: state) }
  }
}
