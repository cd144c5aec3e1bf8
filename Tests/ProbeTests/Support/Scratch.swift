import Foundation

/// A directory of its own; gone with the value.
final class Scratch: Sendable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "holdfast-probes-\(UUID().uuidString)").path()
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// An executable of the shell's.
  func script(_ body: String, name: String = "check") throws -> String {
    try write("#!/bin/sh\n\(body)\n", name: name, mode: 0o755)
  }

  @discardableResult
  func write(_ text: String, name: String, mode: Int = 0o644) throws -> String {
    let file = "\(path)/\(name)"
    try Data(text.utf8).write(to: URL(filePath: file))
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
    return file
  }
}
