import NIOCore

/// Takes the peer's PING frames out of a stream of HTTP/2 frames and makes the answers, so that the HTTP/2 layer above never
/// counts them. A pure value over bytes; everything else passes unchanged and in order.
struct PingSieve {
  /// What came out of one piece of the stream.
  struct Yield {
    /// For the HTTP/2 layer.
    var passed: ByteBuffer
    /// For the peer: acknowledgements, each a whole frame.
    var answers: ByteBuffer?
  }

  private static let headerLength = 9
  private static let pingType: UInt8 = 6
  private static let acknowledged: UInt8 = 1

  /// The beginning of a frame whose header, or whose whole PING, has not arrived yet.
  private var held = ByteBuffer()
  /// Bytes of the present frame that still pass unseen.
  private var passing = 0

  mutating func sift(_ piece: ByteBuffer) -> Yield {
    var input = piece
    if held.readableBytes > 0 {
      input = held
      input.writeImmutableBuffer(piece)
      held = ByteBuffer()
    }
    var yield = Yield(passed: ByteBuffer(), answers: nil)
    while input.readableBytes > 0 {
      if passing > 0 {
        let length = min(passing, input.readableBytes)
        passing -= length
        move(length, from: &input, to: &yield.passed)
        continue
      }
      guard let frame = Self.frame(at: input) else {
        held = input
        break
      }
      let length = Self.headerLength + frame.payloadLength
      if frame.type == Self.pingType, frame.flags & Self.acknowledged == 0 {
        guard var ping = input.readSlice(length: length) else {
          held = input
          break
        }
        ping.setInteger(frame.flags | Self.acknowledged, at: ping.readerIndex + 4)
        yield.answers.setOrWriteBuffer(&ping)
      } else {
        passing = length
      }
    }
    return yield
  }

  private static func frame(at input: ByteBuffer) -> (payloadLength: Int, type: UInt8, flags: UInt8)? {
    guard let lengthAndType = input.getInteger(at: input.readerIndex, as: UInt32.self),
      let flags = input.getInteger(at: input.readerIndex + 4, as: UInt8.self),
      input.readableBytes >= headerLength
    else { return nil }
    return (Int(lengthAndType >> 8), UInt8(truncatingIfNeeded: lengthAndType), flags)
  }

  private func move(_ length: Int, from input: inout ByteBuffer, to output: inout ByteBuffer) {
    guard var slice = input.readSlice(length: length) else { return }
    if output.readableBytes == 0 { output = slice } else { output.writeBuffer(&slice) }
  }
}
