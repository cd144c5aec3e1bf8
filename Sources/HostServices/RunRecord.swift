import FoundationEssentials
import Glibc
import HoldfastModel
import LinuxBasics

/// What is known of one run beside what can be seen of it: written before its first process is started, removed when the last is gone.
struct RunRecord: Hashable, Sendable, Codable {
  enum Phase: String, Hashable, Sendable, Codable { case starting, up, stopping }

  /// Of which boot of this host it tells: of an earlier one nothing executes, and nothing is mounted.
  var boot: String
  var uuid: String
  var mark: ClaimMark
  /// The definition's text.
  var parts: String
  /// The cgroup's directory, absolute.
  var cgroup: String
  /// So many parts were begun, from the first on.
  var begun: Int
  var phase: Phase
}

/// Why records cannot be read, or one cannot be written: the file, the reason, the remedy.
struct RunRecordError: Error, Hashable, Sendable, CustomStringConvertible {
  var file: String
  var reason: String
  var remedy: String

  var description: String { "\(file): \(reason). \(remedy)" }
}

/// The records of what runs here, and what keeps starts away, as small files in the runtime directory: each is replaced as a whole.
struct RunRecords: Sendable {
  let folder: String
  private static let record = ".json"
  private static let bar = ".barred"

  /// Makes the directory, for root alone.
  func create() throws(RunRecordError) {
    if mkdir(folder, 0o700) != 0, errno != EEXIST { throw failure(folder, "it cannot be made", errno) }
  }

  /// By workload's name.
  ///
  /// - Throws: the first that cannot be read: then nobody knows what runs.
  func load() throws(RunRecordError) -> [String: RunRecord] {
    var found: [String: RunRecord] = [:]
    for name in try names(Self.record) {
      let path = "\(folder)/\(name)\(Self.record)"
      let record: RunRecord
      do { record = try JSONDecoder().decode(RunRecord.self, from: Data(try KernelFile.read(path).utf8)) } catch {
        throw RunRecordError(
          file: path,
          reason: "it cannot be read, so nobody knows what runs of \(name): \(InWords.oneLine("\(error)").prefix(200))",
          remedy:
            "Look with `systemd-cgls` and `findmnt` what is left of it, end that, and remove the file; a reboot of the host does all three."
        )
      }
      if record.boot == Self.bootID { found[name] = record } else { remove(name) }
    }
    return found
  }

  private func names(_ ending: String) throws(RunRecordError) -> [String] {
    guard let stream = opendir(folder) else { throw failure(folder, "it cannot be listed", errno) }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if name.hasSuffix(ending), WorkloadName.isValid(String(name.dropLast(ending.count))) {
        names.append(String(name.dropLast(ending.count)))
      }
    }
    return names.sorted()
  }

  func save(_ record: RunRecord, of name: String) throws(RunRecordError) {
    let path = "\(folder)/\(name)\(Self.record)"
    do {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      try encoder.encode(record).write(to: URL(filePath: path), options: .atomic)
    } catch {
      throw RunRecordError(
        file: path, reason: "it cannot be written: \(InWords.oneLine("\(error)").prefix(200))",
        remedy: "Make room in the runtime directory.")
    }
    // Parameters can be passwords.
    _ = chmod(path, 0o600)
  }

  func remove(_ name: String) { unlink("\(folder)/\(name)\(Self.record)") }

  // MARK: bars

  func isBarred(_ name: String) -> Bool { KernelFile.exists("\(folder)/\(name)\(Self.bar)") }

  func bar(_ name: String) throws(RunRecordError) {
    let path = "\(folder)/\(name)\(Self.bar)"
    let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw failure(path, "it cannot be made", errno) }
    _ = Descriptor(owning: file)
  }

  func unbar(_ name: String) { unlink("\(folder)/\(name)\(Self.bar)") }

  private func failure(_ path: String, _ what: String, _ code: Int32) -> RunRecordError {
    RunRecordError(
      file: path, reason: "\(what): \(String(cString: strerror(code)))",
      remedy: "The runtime directory must be root's, and writable.")
  }

  static let bootID: String =
    (try? KernelFile.read("/proc/sys/kernel/random/boot_id"))?.split(separator: "\n").first.map(String.init) ?? "unknown"
}
