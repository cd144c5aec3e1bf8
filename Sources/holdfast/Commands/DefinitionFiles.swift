import Foundation
import HoldfastAPI
import HoldfastModel

/// A directory with the definitions of a cluster, for `holdfast export`.
struct DefinitionFiles {
  /// What was written, and how to bring it back.
  struct Written: Encodable {
    var directory: String
    var workloads: Int
    var policies: Int
    /// In this order.
    var commands: [String]

    var lines: [String] {
      [
        "\(Words.count(workloads, "workload")) and \(Words.count(policies, "policy file")) are in \(directory).",
        "To bring them back:"
      ] + commands.map { "  \($0)" }
    }
  }

  private let directory: String
  private var workloadFolder: String { "\(directory)/workloads" }
  private var policyFolder: String { "\(directory)/policies" }

  init(_ directory: String) {
    self.directory = directory.count > 1 && directory.hasSuffix("/") ? String(directory.dropLast()) : directory
  }

  /// - Throws: `Failure` before anything is written over; `MistakenFiles` for what a file cannot hold.
  func write(_ definitions: ClusterDefinitions) throws -> Written {
    // Everything is made before anything is written.
    let workloads = try definitions.workloads.map { workload in
      let path = "\(workloadFolder)/\(workload.name).yaml"
      return (path: path, text: try ExportCommand.text(of: [workload], path))
    }
    let policies = try definitions.policies.map { (path: "\(policyFolder)/\(try Self.name($0))", text: $0.text) }
    for folder in [workloadFolder, policyFolder] { try Self.make(folder) }
    for file in workloads + policies { try Self.write(file.text, to: file.path) }
    var commands: [String] = []
    if !workloads.isEmpty { commands.append("holdfast apply -f \(Self.quoted(workloadFolder))") }
    if !policies.isEmpty { commands.append("holdfast policy apply \(operand(of: policies.map(\.path)))") }
    return Written(directory: directory, workloads: workloads.count, policies: policies.count, commands: commands)
  }

  /// A directory is read in the order of its names, which may not be the order in force.
  private func operand(of paths: [String]) -> String {
    let isRead = paths.allSatisfy { $0.hasSuffix(".yaml") } && paths == paths.sorted()
    return isRead ? Self.quoted(policyFolder) : paths.map(Self.quoted).joined(separator: " ")
  }

  private static func quoted(_ path: String) -> String {
    path.allSatisfy { $0.isLetter || $0.isNumber || "/._-".contains($0) } ? path : "'\(path.replacing("'", with: "'\\''"))'"
  }

  /// A policy file is known by its name without directories; it came over the API, and must not lead elsewhere.
  private static func name(_ policy: PolicyText) throws -> String {
    guard !policy.file.isEmpty, !policy.file.hasPrefix("."), !policy.file.contains("/"), !policy.file.utf8.contains(0) else {
      throw Failure(
        thing: "policy file '\(policy.file)'", reason: "no file can have this name",
        remedy: "`holdfast policy show` prints it; apply it under another name.")
    }
    return policy.file
  }

  private static func make(_ folder: String) throws {
    let files = FileManager.default
    if let present = try? files.contentsOfDirectory(atPath: folder), !present.isEmpty {
      throw Failure(
        kind: "conflict", thing: folder,
        reason: "the directory is not empty, and what is in it could be of workloads that are gone",
        remedy: "Name a new directory, or empty this one.")
    }
    do {
      try files.createDirectory(atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw unwritable(folder, error)
    }
  }

  private static func write(_ text: String, to path: String) throws {
    do {
      // The directory lets nobody else in, whatever the file's mode is at first.
      try Data(text.utf8).write(to: URL(fileURLWithPath: path))
      try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    } catch {
      throw unwritable(path, error)
    }
  }

  private static func unwritable(_ path: String, _ error: any Error) -> Failure {
    let cause = (error as NSError).userInfo[NSUnderlyingErrorKey].map { "\($0)" } ?? "\(error)"
    return Failure(
      thing: path, reason: "it cannot be written: \(cause)", remedy: "Check the directory and the room on its disk.")
  }
}
