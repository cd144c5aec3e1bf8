import Foundation
import HoldfastOperator
import HoldfastTime
import Lab
import Testing

/// Many small containers on one host. They beat seldom, so that a hundred of them cost little, and are not asked over HTTP: their traces say where
/// they execute.
struct Crowd {
  let names: [String]
  private let test: TestStage
  /// Whom to ask: a host that is never cut off.
  private static let asked = LabHost(1)
  private static let beatMilliseconds = 50

  /// Brings so many containers, and those that are on stage already, onto one host.
  static func bring(_ count: Int, onto host: LabHost, in test: TestStage) async throws -> Crowd {
    let crowd = Crowd(names: (1...count).map { "crowd\($0)" }, test: test)
    try await test.lab.gather(try crowd.write(), count: count + test.stage.containers.count, onto: host, limit: .seconds(90))
    return crowd
  }

  /// Definitions like that of the stage's first container, and the file with their specs.
  private func write() throws -> String {
    let folder = test.lab.workloadsFolder
    let plain = try String(contentsOfFile: folder + "/web1.xml", encoding: .utf8)
    var specs = "workloads:\n"
    for (index, name) in names.enumerated() {
      // Behind the addresses of those on stage.
      let number = 101 + index
      let xml = plain.replacing("<name>web1</name>", with: "<name>\(name)</name>")
        .replacing(#/ *<uuid>.*</uuid>\n/#, with: "")
        .replacing(#/mac address='[^']*'/#, with: "mac address='52:54:00:0c:00:\(String(format: "%02x", number))'")
        .replacing(".1.1' family", with: ".1.\(number)' family")
        .replacing("</init>", with: "</init><initenv name='BEAT_MS'>\(Self.beatMilliseconds)</initenv>")
      try xml.write(toFile: "\(folder)/\(name).xml", atomically: true, encoding: .utf8)
      specs += """
          - name: \(name)
            memory: 32
            cpus: 0.05
            stop-timeout: 2s
            shared: ['\(test.lab.beatsFolder)']
            xml-file: \(name).xml

        """
    }
    let file = folder + "/crowd.yaml"
    try specs.write(toFile: file, atomically: true, encoding: .utf8)
    return file
  }

  /// Waits until all of them, and those that were on stage before, run on hosts of which `isThere` says yes.
  func allRun(within limit: Duration, _ isThere: (String) -> Bool) async throws -> Bool {
    let end = LabClock.now + limit
    while true {
      // A host that is busy with all of them may be late once.
      let list = (try? await test.lab.workloadList(on: Self.asked)) ?? []
      let there = list.count { $0.state == .running && $0.node.map(isThere) == true }
      if there == names.count + test.stage.containers.count { return true }
      guard LabClock.now < end else { return false }
      // A question costs as much as a start.
      try await test.wait(.milliseconds(500))
    }
  }

  /// Those that libvirt still has on the host.
  func left(on host: LabHost) async throws -> Set<String> {
    let list = try await test.lab.run(host, ["virsh", "-q", "-c", "lxc:///system", "list", "--all", "--name"])
    try #require(list.succeeded, "\(list)")
    return Set(list.output.split(separator: "\n").map(String.init)).intersection(names + test.stage.containers)
  }
}
