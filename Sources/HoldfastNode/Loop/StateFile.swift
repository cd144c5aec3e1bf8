import FoundationEssentials
import Glibc
import HoldfastController

/// The session's state in the runtime directory, so that a restarted controller goes on with it.
package struct StateFile: Sendable {
  private struct Content: Codable {
    /// A state of an earlier boot is worth nothing: nothing executes any more.
    var boot: String
    var session: OwnSession.Saved
  }

  private let path: String

  package init(directory: String) { path = directory + "/controller.json" }

  /// nil when there is none, or none of this boot, or none that can be read: then a new session is opened, safely, only later.
  package func load() -> OwnSession.Saved? {
    guard let data = try? Data(contentsOf: URL(filePath: path)),
      let content = try? JSONDecoder().decode(Content.self, from: data), content.boot == Self.bootID
    else { return nil }
    return content.session
  }

  /// - Throws: the file system's error.
  package func save(_ session: OwnSession.Saved?) throws {
    guard let session else {
      unlink(path)
      return
    }
    let data = try JSONEncoder().encode(Content(boot: Self.bootID, session: session))
    try data.write(to: URL(filePath: path), options: .atomic)
    // For root's next controller alone.
    _ = chmod(path, 0o600)
  }

  private static let bootID: String =
    (try? String(contentsOf: URL(filePath: "/proc/sys/kernel/random/boot_id"), encoding: .utf8)) ?? "unknown"
}
