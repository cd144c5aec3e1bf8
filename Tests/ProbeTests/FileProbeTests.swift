import CLinux
import Foundation
import Glibc
import HealthProbes
import HoldfastChecks
import HoldfastModel
import Testing

/// A file that ages, seen as a container's: of this process, whose root is the host's.
@Suite struct `Probes of a file` {
  private func ask(_ path: String, maximumAge: Double) async -> ProbeResult.Answer {
    await FileProber().answer(
      to: FileProbe(path: path, maximumAge: maximumAge), at: ContainerProcess(itself: getpid()), until: .now + .seconds(20))
  }

  @Test(arguments: [(0.0, .good), (50, .good), (-3600, .good), (70, .bad("was last written 7"))] as [(Double, Expected)])
  func `tell by its age`(age: Double, expected: Expected) async throws {
    let scratch = try Scratch(), file = try scratch.write("beat", name: "beat")
    try FileManager.default.setAttributes([.modificationDate: Date(timeIntervalSinceNow: -age)], ofItemAtPath: file)
    let answer = await ask(file, maximumAge: 60)
    #expect(expected.isMet(by: answer), "\(answer)")
  }

  @Test func `tell that it is missing, and nothing of what cannot be looked at`() async throws {
    let scratch = try Scratch()
    #expect(Expected.bad("does not exist").isMet(by: await ask("\(scratch.path)/none", maximumAge: 60)))
    let file = try scratch.write("", name: "file")
    #expect(Expected.bad("does not exist").isMet(by: await ask("\(file)/below", maximumAge: 60)))
    #expect(symlink("loop", "\(scratch.path)/loop") == 0)
    #expect(Expected.cannotTell("cannot be looked at").isMet(by: await ask("\(scratch.path)/loop", maximumAge: 60)))
    let gone = await FileProber().answer(
      to: FileProbe(path: file, maximumAge: 60), at: ContainerProcess(itself: -1), until: .now + .seconds(20))
    #expect(gone == .cannotTell(reason: "the container's files are gone"))
  }

  /// A container's links are its own: none leads to this host's files.
  @Test func `follow no link out of the container`() throws {
    let scratch = try Scratch()
    try scratch.write("", name: "inside")
    #expect(symlink("/inside", "\(scratch.path)/link") == 0)
    #expect(symlink("/etc/passwd", "\(scratch.path)/out") == 0)
    #expect(symlink("../../../../../../etc/passwd", "\(scratch.path)/up") == 0)
    #expect(holdfast_written_in(scratch.path, "/inside") > 0)
    #expect(holdfast_written_in(scratch.path, "/link") == holdfast_written_in(scratch.path, "/inside"))
    for path in ["/out", "/up", "/../etc/passwd"] { #expect(holdfast_written_in(scratch.path, path) == -1, "\(path)") }
  }
}
