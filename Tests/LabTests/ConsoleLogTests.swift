import Lab
import Testing

@Suite struct ConsoleLogTests {
  @Test func `boots begin lives, what is no beat is passed over`() {
    let log = ConsoleLog(
      "lab machine vm1\n- - 10 1 first\n- - 20 1\r\n[ 1.0] virtio\n- - 30 1\n- - 3- - 9 1 first\n- - 11 2 first\n- - 12 2\n")
    #expect(log.lives == [.init(first: 10, last: 30, beats: 3), .init(first: 11, last: 12, beats: 2)])
    #expect(log.steppedBack.isEmpty)
  }

  @Test func `two copies that both write are seen`() {
    let log = ConsoleLog("- - 10 1 first\n- - 20 1\n- - 30 1\n- - 30 1\n- - 40 1\n- - 35 1\n")
    #expect(log.lives == [.init(first: 10, last: 40, beats: 6)])
    #expect(log.steppedBack == [4, 6])
  }
}
