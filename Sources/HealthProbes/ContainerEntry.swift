/// How a command is run within a container: in its namespaces, under its root directory, with no capability that its own processes cannot have,
/// and in its cgroup, so that the guard freezes and kills it with the rest.
struct ContainerEntry {
  let container: ContainerProcess

  /// CAP_SYS_ADMIN: without it nobody can go into namespaces, and a command that kept it would have more than the container.
  private static let administration = 21

  /// What the tools of the way in begin their complaints with.
  private static let complaints = ["nsenter: ", "setpriv: ", "nice: "]

  /// The way in failed, not the command: the tools end with the status 1 then, which a command may have too. A command that says the same itself
  /// fools nobody but its own check.
  static func hasFailed(saying output: String) -> Bool {
    complaints.contains(where: output.hasPrefix) || CommandProber.hasFailed(saying: output)
  }

  /// The command line. The tools are util-linux's: they are on every host that runs Linux.
  func command(_ command: [String]) throws(ContainerProcess.Missing) -> [String] {
    let withheld = try container.withheldCapabilities()
    guard !withheld.contains(Self.administration) else {
      throw ContainerProcess.Missing(
        reason: "the container may not have CAP_SYS_ADMIN, without which no command can be brought into it")
    }
    let file = try container.cgroup() + "/cgroup.procs"
    // First into the cgroup, while it is still this host's shell.
    var line = ["/bin/sh", "-c", "echo 0 > \"$0\" || exit 126; exec \"$@\"", file]
    if !withheld.isEmpty { line += ["setpriv", "--bounding-set", withheld.map { "-cap_\($0)" }.joined(separator: ",")] }
    return line + ["nsenter", "--target", "\(container.pid)", "--all", "--"] + command
  }
}
