import Foundation
import Glibc

/// `holdfast` of the build that this test is of, as a process.
struct CommandLine {
  var status: Int32
  var output: String
  var errors: String

  private static let program: String = {
    let own = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    return (own.map { URL(filePath: $0).deletingLastPathComponent().path } ?? ".") + "/holdfast"
  }()

  /// - Parameter columns: on a terminal of this width; nil: into a pipe.
  static func holdfast(_ arguments: [String], columns: UInt16? = nil) throws -> CommandLine {
    let process = Process()
    process.executableURL = URL(filePath: program)
    process.arguments = arguments
    process.currentDirectoryURL = URL(filePath: repositoryPath(""))
    process.environment = [
      "LC_ALL": "C.UTF-8", "TZ": "UTC", "NO_COLOR": "1", "PATH": "/usr/bin:/bin", "HOLDFAST_SOCKET": "/nonexistent/api.sock"
    ]
    let errors = Pipe(), output = Pipe()
    let terminal = try columns.map { try PseudoTerminal(columns: $0) }
    process.standardInput = FileHandle.nullDevice
    process.standardError = errors
    if let terminal { process.standardOutput = terminal.screen } else { process.standardOutput = output }
    try process.run()
    try terminal?.screen.close()
    // What goes to standard error here is far less than a pipe holds.
    let text = terminal?.read() ?? String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let complaint = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return CommandLine(status: process.terminationStatus, output: text, errors: complaint)
  }

  var lines: [String] { output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) }
}

/// A terminal that a program can write to, of a given width.
private final class PseudoTerminal {
  struct Refusal: Error {
    var step: String
    var code = errno
  }
  private let master: Int32
  let screen: FileHandle

  init(columns: UInt16) throws {
    // By the kernel's own calls: Swift does not import the library's.
    master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
    var number: UInt32 = 0, isLocked: Int32 = 0
    let (tiocgptn, tiocsptlck): (UInt, UInt) = (0x8004_5430, 0x4004_5431)
    guard master >= 0, ioctl(master, tiocsptlck, &isLocked) == 0, ioctl(master, tiocgptn, &number) == 0 else {
      throw Refusal(step: "/dev/ptmx")
    }
    let slave = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY | O_CLOEXEC)
    guard slave >= 0 else { throw Refusal(step: "open") }
    screen = FileHandle(fileDescriptor: slave, closeOnDealloc: true)
    var size = winsize(ws_row: 40, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
    guard ioctl(slave, UInt(TIOCSWINSZ), &size) == 0 else { throw Refusal(step: "TIOCSWINSZ") }
  }

  deinit { close(master) }

  /// Everything until the program has ended.
  func read() -> String {
    var bytes: [UInt8] = [], buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = Glibc.read(master, &buffer, buffer.count)
      if count > 0 { bytes += buffer[..<count] } else if count == 0 || errno != EINTR { break }
    }
    return String(decoding: bytes, as: UTF8.self).replacing("\r\n", with: "\n")
  }
}

/// A directory of its own; gone with the value.
final class Scratch: Sendable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "holdfast-\(UUID().uuidString)").path()
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  @discardableResult
  func write(_ name: String, _ text: String) throws -> String {
    let file = URL(filePath: "\(path)/\(name)")
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
    return file.path()
  }
}
