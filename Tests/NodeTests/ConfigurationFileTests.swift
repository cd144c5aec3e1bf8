import Foundation
import Glibc
import HoldfastAPI
import HoldfastModel
import HoldfastNode
import HoldfastYAML
import Testing

@Suite struct `Configuration files` {
  private func errors(_ path: String) throws -> [String] {
    try #require(throws: ConfigurationErrors.self) { try NodeConfiguration.load(path: path, host: testHost) }.mistakes
      .map { "\($0.headline) → \($0.remedy)" }
  }

  @Test(arguments: ["Examples/holdfastd.yaml", "Examples/holdfastd-memory.yaml"])
  func `the examples can be used`(example: String) throws {
    let scratch = try ScratchDirectory.withCredentials()
    let path = try scratch.write("c.yaml", try repositoryFile(example).replacing("/etc/holdfast/tls", with: scratch.path))
    let configuration = try NodeConfiguration.load(path: path, host: testHost)
    #expect(configuration.warnings.isEmpty)
    #expect(configuration.node == "h1")
  }

  @Test func `that cannot be read are told without a line`() throws {
    let scratch = try ScratchDirectory()
    #expect(
      try errors("\(scratch.path)/none.yaml") == [
        "\(scratch.path)/none.yaml: error: expected a file that can be read, found no such file → "
          + "Check the path and the permissions."
      ])
    #expect(try errors(scratch.path).first?.contains("found a directory") == true)
    #expect(mkfifo("\(scratch.path)/pipe", 0o600) == 0)
    #expect(try errors("\(scratch.path)/pipe").first?.contains("found something that is no regular file") == true)
    #expect(try errors("/dev/zero").first?.contains("found something that is no regular file") == true)
    #expect(try errors("a\0b").first?.contains("NUL") == true)
    let large = try scratch.write("large.yaml", String(repeating: "# comment\n", count: 500_000))
    #expect(try errors(large).first?.contains("found more than 4096 KiB") == true)
  }

  @Test func `that are not text are told with the place`() throws {
    let scratch = try ScratchDirectory()
    let path = "\(scratch.path)/c.yaml"
    try Data("cluster: lab\nnode: h".utf8 + [0xC3, 0x28]).write(to: URL(filePath: path))
    #expect(try errors(path) == ["\(path):2:8: error: expected text in UTF-8, found the byte 0xC3 → Save the file as UTF-8."])
    try scratch.write("c.yaml", "cluster: lab\r\nnode: h\u{7}1\r\n")
    #expect(
      try errors(path) == [
        "\(path):2:8: error: expected printable text, found the control character U+0007 → Remove the character."
      ])
  }

  @Test func `with Windows line ends, a byte order mark or aliases can be used`() throws {
    let text =
      "\u{FEFF}cluster: &name lab\r\nnode: *name\r\nstore: {memory: {}}\r\nhypervisor: {connections: [\"lxc:///system\"]}\r\n"
    #expect(try NodeConfiguration.parse(text, file: "c.yaml", host: testHost).node == "lab")
    let errors = try #require(throws: ConfigurationErrors.self) {
      try NodeConfiguration.parse("\u{FEFF}a: 1", file: "c", host: testHost)
    }
    #expect(errors.mistakes.first?.position == FilePosition(line: 1, column: 1))
  }

  @Test func `of absurd depth or length are refused quickly`() throws {
    for opening in ["[", "{a: ", "- ", "? "] {
      let text = String(repeating: opening, count: 20_000)
      let errors = try #require(throws: ConfigurationErrors.self) {
        try NodeConfiguration.parse(text, file: "c", host: testHost)
      }
      #expect(errors.mistakes.first?.position != nil)
    }
    var bomb = "a0: &a0 [x, x]\n"
    for level in 1...60 { bomb += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
    for key in ["? *a60\n: b\n", "*a60 : b\n", "{[*a60]: b}\n", "c: {*a60 : b}\n", "c: {? *a60 : b}\n"] {
      let errors = try #require(throws: ConfigurationErrors.self) {
        try NodeConfiguration.parse(bomb + key, file: "c", host: testHost)
      }
      #expect(errors.mistakes.first?.expected == "keys that are plain text", "\(key)")
    }
    let many = (0..<5000).map { "key\($0): 1\n" }.joined()
    let errors = try #require(throws: ConfigurationErrors.self) { try NodeConfiguration.parse(many, file: "c", host: testHost) }
    #expect(errors.mistakes.count == MistakeLog.limit)
    #expect(errors.description.contains("… and 450 more\n500 errors"))
  }

  @Test func `name sockets that fit into a socket address`() throws {
    let text = `A node's configuration`.minimal + "api: {socket: /\(String(repeating: "x", count: 107))}\n"
    let errors = try #require(throws: ConfigurationErrors.self) { try NodeConfiguration.parse(text, file: "c", host: testHost) }
    #expect(
      errors.mistakes.map(\.headline) == [
        "c:4:15: error: api.socket: expected a path of at most 103 bytes for a socket, found 108 bytes"
      ])
  }

  @Test func `are checked with a report and an exit status`() throws {
    let scratch = try ScratchDirectory.withCredentials()
    let path = try scratch.write("c.yaml", `A node's configuration`.minimal + "timing: {ttl: 1m}\n")
    let good = NodeConfiguration.check(path: path, host: testHost)
    #expect(good.exitStatus == 0)
    #expect(good.text.contains("\(path):4:15: warning: timing.ttl: expected a ttl of seconds, found '1m'"))
    #expect(good.text.contains("\(path) is valid (1 warning)\nin effect:\n  cluster                 lab\n"))
    #expect(good.text.contains("\n  capacity.memory         15360\n"))
    try scratch.write("c.yaml", "cluster: lab\n")
    let bad = NodeConfiguration.check(path: path, host: testHost)
    #expect(bad.exitStatus == 78)
    #expect(bad.text.hasSuffix("2 errors\n\(path) cannot be used"))
  }

  /// A configuration with these files in place of the good ones.
  private func check(_ files: [String: String]) throws -> CheckReport {
    let scratch = try ScratchDirectory.withCredentials(), directory = scratch.path
    for (name, text) in files { try scratch.write(name, text) }
    let text = """
      cluster: lab
      node: n1
      store:
        etcd:
          endpoints: ["https://10.77.0.1:2379"]
          ca: \(directory)/ca.pem
          certificate: \(directory)/client.pem
          key: \(directory)/client-key.pem
      hypervisor: {connections: ["lxc:///system"]}

      """
    return NodeConfiguration.check(path: try scratch.write("c.yaml", text), host: testHost)
  }

  @Test(
    arguments: [
      ([:], 0, "is valid"), (["client-key.pem": ScratchDirectory.otherKey], 78, "found another certificate's in"),
      (
        ["client-key.pem": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"], 78,
        "expected a private key that can be read, found damaged PEM"
      ),
      (
        ["client.pem": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"], 78,
        "expected a certificate that can be read, found damaged PEM"
      ),
      (["client.pem": ScratchDirectory.endedCertificate], 78, "cannot be used: a certificate has ended"),
      (["ca.pem": ScratchDirectory.endedCertificate], 78, "cannot be used: a certificate has ended"),
      // Of a chain the first to end counts; of authorities, while one takes another's place, the last.
      (["client.pem": ScratchDirectory.certificate + ScratchDirectory.endedCertificate], 78, "days ago"),
      (["ca.pem": ScratchDirectory.certificate + ScratchDirectory.endedCertificate], 0, "is valid")
    ] as [([String: String], Int32, String)])
  func `are checked with the certificates that they name`(files: [String: String], status: Int32, words: String) throws {
    let report = try check(files)
    #expect(report.exitStatus == status && report.text.contains(words), "\(report.text)")
  }

  @Test func `are of use with a certificate that has ended: another may be put in its place`() throws {
    let scratch = try ScratchDirectory.withCredentials()
    try scratch.write("client.pem", ScratchDirectory.endedCertificate)
    let text = """
      cluster: lab
      node: n1
      store: {etcd: {endpoints: ["https://10.77.0.1:2379"], ca: \(scratch.path)/ca.pem,
        certificate: \(scratch.path)/client.pem, key: \(scratch.path)/client-key.pem}}
      hypervisor: {connections: ["lxc:///system"]}

      """
    let configuration = try NodeConfiguration.parse(text, file: "c", host: testHost)
    #expect(configuration.warnings.contains { $0.description.contains("valid for 21 days or more") })
  }
}

@Suite struct `The documentation` {
  @Test(arguments: [("Docs/configuration.md", NodeConfiguration.keys), ("Docs/workloads.md", WorkloadFile.keys)])
  func `shows the keys as the programs read them`(page: String, keys: KeyTable) throws {
    #expect(try repositoryFile(page).contains("\n\(keys.markdown)\n"), "the table in \(page) must be:\n\(keys.markdown)\n")
  }

  @Test(arguments: [
    ("Docs/configuration.md", "configuration.txt", "c.yaml", "/etc/holdfast/holdfastd.yaml"),
    ("Docs/workloads.md", "workloads.txt", "w.yaml", "workloads.yaml")
  ]) func `shows mistakes as they look`(page: String, table: String, file: String, name: String) throws {
    let row = try #require(try MistakeRow.read(table).first { $0.name == "everything at once" })
    let text = try repositoryFile(page)
    #expect(text.contains("\n```yaml\n\(row.text)```\n"))
    #expect(text.contains("\n```\n" + row.said.replacing("\(file):", with: "\(name):").replacing("@/", with: "")))
  }

  @Test(arguments: ["Docs/configuration.md", "Docs/notices.md", "Docs/hooks.md", "Docs/workloads.md"])
  func `has examples that can be used`(page: String) throws {
    let scratch = try ScratchDirectory.withCredentials()
    try scratch.write("web1.xml", try repositoryFile("Examples/web1.xml"))
    // Blocks that are whole files say so by their first line.
    let blocks = try repositoryFile(page).components(separatedBy: "\n```yaml\n# ").dropFirst().map {
      "# " + ($0.components(separatedBy: "\n```").first ?? "")
    }
    #expect(!blocks.isEmpty)
    for block in blocks {
      if page.contains("workloads") {
        #expect(try !WorkloadFile.parse(text: block, file: page, directory: scratch.path).isEmpty)
      } else {
        let text = block.replacing("/etc/holdfast/tls", with: scratch.path).replacing(
          "/etc/holdfast/etcd-password", with: "\(scratch.path)/password")
        _ = try NodeConfiguration.parse(text, file: page, host: testHost)
      }
    }
  }
}
