import Glibc
import HoldfastChecks
import HoldfastModel
import LinuxBasics
import NIOCore
import NIOPosix
import SystemPackage

/// Asks by ICMP echo: the kernel's own sockets for that where this process may have them, else a raw one.
struct PingProber: Sendable {
  let loop: any EventLoop
  let names: Names

  func start(_ probe: PingProbe, _ exchange: Exchange) {
    if let address = Names.literal(probe.address, port: 0) { return ask(address, probe.address, exchange) }
    exchange.resolve(probe.address, port: 0, by: names) { addresses in
      if let first = addresses.first { ask(first, probe.address, exchange) }
    }
  }

  private func ask(_ address: SocketAddress, _ words: String, _ exchange: Exchange) {
    let socket: Descriptor
    var isRaw = false
    do throws(Errno) { socket = try Self.open(address.protocol == .inet6 ? AF_INET6 : AF_INET, isRaw: &isRaw) } catch {
      return exchange.settle(Words.answer(toNumber: error.rawValue, at: words))
    }
    exchange.reached(.silence("\(words) does not answer"))
    let echo = Echo(isSix: address.protocol == .inet6, isRaw: isRaw)
    DatagramBootstrap(group: loop).channelInitializer { channel in
      channel.eventLoop.makeCompletedFuture {
        try channel.pipeline.syncOperations.addHandler(EchoHandler(echo, to: address, words, exchange))
      }
    }.withBoundSocket(socket.giveAway()).whenComplete { result in
      switch result {
      case .success(let channel): exchange.own(channel)
      case .failure(let error): exchange.settle(Words.answer(to: error, at: words))
      }
    }
  }

  /// The kernel's own need no privilege, but `net.ipv4.ping_group_range` has to let this process's group have them.
  private static func open(_ family: Int32, isRaw: inout Bool) throws(Errno) -> Descriptor {
    let kind = family == AF_INET6 ? Int32(IPPROTO_ICMPV6) : Int32(IPPROTO_ICMP)
    let flags = Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let own = socket(family, Int32(SOCK_DGRAM.rawValue) | flags, kind)
    isRaw = own < 0
    if own >= 0 { return Descriptor(owning: own) }
    let raw = socket(family, Int32(SOCK_RAW.rawValue) | flags, kind)
    guard raw >= 0 else { throw Errno(rawValue: errno) }
    return Descriptor(owning: raw)
  }
}

/// One question and what is an answer to it. The kernel chooses the identifier of its own sockets, and a raw one hears what all others are
/// answered: so an answer is known by the bytes that it brings back.
struct Echo: Sendable {
  private let isSix: Bool
  private let isRaw: Bool
  private let token: [UInt8]

  private static let header = 8

  init(isSix: Bool, isRaw: Bool) {
    self.isSix = isSix
    self.isRaw = isRaw
    token = (0..<24).map { _ in UInt8.random(in: .min ... .max) }
  }

  var request: ByteBuffer {
    // Type, code, checksum, identifier, sequence number.
    var bytes: [UInt8] = [isSix ? 128 : 8, 0, 0, 0, token[0], token[1], 0, 1] + token
    // Of ICMPv6 the kernel makes it, as it covers the addresses too.
    if !isSix {
      let sum = internetChecksum(bytes)
      (bytes[2], bytes[3]) = (UInt8(sum >> 8), UInt8(sum & 0xFF))
    }
    return ByteBuffer(bytes: bytes)
  }

  func isAnswered(by datagram: ByteBuffer) -> Bool {
    var message = datagram.readableBytesView[...]
    // Raw IPv4 sockets give the IP header too.
    if isRaw, !isSix {
      guard let first = message.first else { return false }
      message = message.dropFirst(Int(first & 0x0F) * 4)
    }
    guard message.count >= Self.header + token.count, message.first == (isSix ? 129 : 0) else { return false }
    return message.dropFirst(Self.header).prefix(token.count).elementsEqual(token)
  }
}

/// Asks at once, and a second time when half of the time is over: one lost packet is no failure.
final class EchoHandler: ChannelInboundHandler {
  typealias InboundIn = AddressedEnvelope<ByteBuffer>
  typealias OutboundOut = AddressedEnvelope<ByteBuffer>

  private let echo: Echo
  private let address: SocketAddress
  private let words: String
  private let exchange: Exchange

  init(_ echo: Echo, to address: SocketAddress, _ words: String, _ exchange: Exchange) {
    self.echo = echo
    self.address = address
    self.words = words
    self.exchange = exchange
  }

  func channelActive(context: ChannelHandlerContext) {
    ask(context)
    let half = TimeAmount.nanoseconds((exchange.end - .now()).nanoseconds / 2)
    context.eventLoop.assumeIsolated().scheduleTask(in: half) {
      if context.channel.isActive { self.ask(context) }
    }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if echo.isAnswered(by: unwrapInboundIn(data).data) { exchange.settle(.good) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { exchange.settle(Words.answer(to: error, at: words)) }

  private func ask(_ context: ChannelHandlerContext) {
    let written = context.writeAndFlush(wrapOutboundOut(AddressedEnvelope(remoteAddress: address, data: echo.request)))
    written.whenFailure { [exchange, words] in exchange.settle(Words.answer(to: $0, at: words)) }
  }
}
