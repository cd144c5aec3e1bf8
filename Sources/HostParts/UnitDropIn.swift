/// What a unit has besides its own files while it is a part: it runs where the guard stops it, and nobody but Holdfast starts it again.
public struct UnitDropIn: Hashable, Sendable {
  /// How its processes come under the guard's partition.
  public enum Cover: Hashable, Sendable {
    /// cgroup v2: a slice of systemd's that is below the partition. Every process of the unit begins in it.
    case slice(String)
    /// cgroup v1: a socket that systemd asks for a credential before each command of the unit's start; it is given when the command's process is in the
    /// freezer's cgroup, and not before. With nobody there the command is not executed.
    case gate(String)
  }
  public var cover: Cover
  /// In its environment, with HOLDFAST_ before each name.
  public var variables: [String: String]
  /// A command that ends is up after it has ended well.
  public var isOneshot: Bool

  public init(_ cover: Cover, variables: [String: String], isOneshot: Bool) {
    self.cover = cover
    self.variables = variables
    self.isOneshot = isOneshot
  }

  /// The credential that a gate gives.
  public static let credential = "holdfast.gate"
  /// Among the unit's drop-ins the last, but for what an operator names on purpose so that it comes later.
  public static let fileName = "zz-holdfast.conf"

  public var text: String {
    var lines = [
      "# holdfastd made this, as the unit is a part of a workload that runs here. It removes it when that is stopped.",
      "[Unit]",
      // How often it is started is the policy's.
      "StartLimitIntervalSec=0",
      "[Service]", "Restart=no"
    ]
    if isOneshot { lines.append("RemainAfterExit=yes") }
    switch cover {
    case .slice(let slice): lines.append("Slice=\(slice)")
    case .gate(let path): lines.append("LoadCredential=\(Self.credential):\(Self.escaped(path))")
    }
    lines += variables.sorted { $0.key < $1.key }.map { "Environment=HOLDFAST_\($0.key)=\(Self.escaped($0.value))" }
    return lines.joined(separator: "\n") + "\n"
  }

  /// systemd would put something in the place of what follows the sign.
  private static func escaped(_ text: String) -> String { text.replacing("%", with: "%%") }
}
