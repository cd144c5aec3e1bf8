import Foundation
import HoldfastAPI
import HoldfastYAML
import Testing

@Suite struct `Mistakes in a workload file` {
  private func mistakes(in text: String, directory: String) -> [FileMistake] {
    do throws(WorkloadFileErrors) {
      _ = try WorkloadFile.parse(text: text, file: "w.yaml", directory: directory)
      return []
    } catch {
      return error.mistakes
    }
  }

  private func scratch() throws -> ScratchDirectory {
    let scratch = try ScratchDirectory()
    try scratch.write("web1.xml", "<domain type='lxc'>\n  <memory unit='MiB'>32</memory>\n</domain>\n")
    try scratch.write(
      "uuid.xml",
      "<domain type='lxc'><uuid>0A0A0A0A-0000-0000-0000-00000000000a</uuid><memory unit='MiB'>32</memory></domain>")
    try scratch.write("notes.txt", "web1 is the first\n")
    try scratch.write("secret", "the content of a secret\n")
    try scratch.write(
      "xxe.xml",
      "<!DOCTYPE domain [<!ENTITY s SYSTEM 'file://\(scratch.path)/secret'>]>\n<domain type='lxc'><name>&s;</name></domain>")
    try Data([0x3C, 0x61, 0x3E, 0x0A, 0x62, 0xE9, 0x3C]).write(to: URL(filePath: "\(scratch.path)/latin1.xml"))
    return scratch
  }

  @Test(arguments: try MistakeRow.read("workloads.txt"))
  func `each is told with its place, what was expected and what to do`(row: MistakeRow) throws {
    let scratch = try scratch()
    let said = MistakeRow.said(mistakes(in: row.text, directory: scratch.path), in: scratch.path)
    #expect(said == row.said)
    if said != row.said {
      print("ROW \(row.name)\n" + said.split(separator: "\n").map { ">> " + $0 }.joined(separator: "\n") + "\nEND")
    }
  }
}
