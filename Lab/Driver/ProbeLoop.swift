import Glibc
import HoldfastTime
import LinuxBasics

/// The probe's sockets: for each target a new connection at every interval, whether or not the ones before were answered.
///
/// A lost SYN is only sent again after a second. Asking anew, with the old questions still open, sees a container's return
/// at the pace of the interval and yet lets a slow answer count.
struct ProbeLoop {
  /// Its socket is closed when nobody waits for the answer any more.
  private final class Question {
    let target: Int
    let socket: Descriptor
    let asked: BootInstant
    var connected = false
    var received: [UInt8] = []

    init(target: Int, socket: consuming Descriptor, asked: BootInstant) {
      self.target = target
      self.socket = socket
      self.asked = asked
    }
  }

  private let addresses: [in_addr]
  private let settings: HTTPProbe.Settings
  private let record: ProbeRecord
  private var questions: [Question] = []
  private var due: [BootInstant]

  private static let request = Array("GET / HTTP/1.0\r\n\r\n".utf8)
  /// An answer is about 120 bytes; more than this is none.
  private static let longestAnswer = 1024

  init(addresses: [in_addr], settings: HTTPProbe.Settings, record: ProbeRecord) {
    self.addresses = addresses
    self.settings = settings
    self.record = record
    // Spread over the interval, so that the answers do not all come at once.
    let now = LabClock.now
    due = addresses.indices.map { now + settings.interval * $0 / max(addresses.count, 1) }
  }

  /// Asks until the record says stop.
  mutating func run() {
    while !record.isStopping {
      let now = LabClock.now
      for target in addresses.indices where due[target] <= now {
        ask(target, now: now)
        due[target] = max(due[target] + settings.interval, now)
      }
      giveUp(now: now)
      var polled = questions.map { pollfd(fd: $0.socket.number, events: Int16($0.connected ? POLLIN : POLLOUT), revents: 0) }
      let ready = poll(&polled, nfds_t(polled.count), timeout(now: now))
      if ready > 0 { advance(polled) }
    }
    questions = []
  }

  /// Until the next question is due or an open one is too old, in whole milliseconds; at most 100, to notice a stop.
  private func timeout(now: BootInstant) -> Int32 {
    var next = now + .milliseconds(100)
    if let first = due.min() { next = min(next, first) }
    if let oldest = questions.first { next = min(next, oldest.asked + settings.patience) }
    return Int32(max(1, ((next - now).wholeNanoseconds + 999_999) / 1_000_000))
  }

  private mutating func ask(_ target: Int, now: BootInstant) {
    let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard number >= 0 else { return record.missed(target, asked: now) }
    let socket = Descriptor(owning: number)
    // Closed by a reset: thousands of short connections leave no TIME_WAIT behind.
    var abrupt = linger(l_onoff: 1, l_linger: 0)
    setsockopt(number, SOL_SOCKET, SO_LINGER, &abrupt, socklen_t(MemoryLayout<linger>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(80).bigEndian
    address.sin_addr = addresses[target]
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(number, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
    guard result == 0 || errno == EINPROGRESS else { return record.missed(target, asked: now) }
    questions.append(Question(target: target, socket: socket, asked: now))
  }

  private mutating func giveUp(now: BootInstant) {
    // In the order in which they were asked: the old ones are at the front.
    let old = questions.prefix { $0.asked + settings.patience <= now }
    questions.removeFirst(old.count)
    for question in old { record.missed(question.target, asked: question.asked) }
  }

  private mutating func advance(_ polled: [pollfd]) {
    var open: [Question] = []
    for (question, descriptor) in zip(questions, polled) {
      switch descriptor.revents == 0 ? .wait : question.connected ? receive(question) : send(question) {
      case .wait:
        open.append(question)
      case .answered(let answer):
        record.answered(question.target, answer, asked: question.asked, now: LabClock.now)
      case .failed:
        record.missed(question.target, asked: question.asked)
      }
    }
    questions = open
  }

  private enum Progress {
    case wait
    case answered(ProbeAnswer)
    case failed
  }

  private func send(_ question: Question) -> Progress {
    var error: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    guard getsockopt(question.socket.number, SOL_SOCKET, SO_ERROR, &error, &size) == 0, error == 0,
      Glibc.send(question.socket.number, ProbeLoop.request, ProbeLoop.request.count, Int32(MSG_NOSIGNAL))
        == ProbeLoop.request.count
    else { return .failed }
    question.connected = true
    return .wait
  }

  private func receive(_ question: Question) -> Progress {
    var buffer = [UInt8](repeating: 0, count: 512)
    let count = recv(question.socket.number, &buffer, buffer.count, 0)
    if count < 0 { return errno == EAGAIN ? .wait : .failed }
    question.received += buffer.prefix(count)
    // The server closes after the answer's newline; whichever is seen first ends it.
    if count > 0, question.received.last != UInt8(ascii: "\n") || question.received.suffix(2) == [13, 10] {
      return question.received.count < ProbeLoop.longestAnswer ? .wait : .failed
    }
    return ProbeLoop.answer(in: question.received).map { .answered($0) } ?? .failed
  }

  /// The body's first line, of an answer with status 200.
  private static func answer(in response: [UInt8]) -> ProbeAnswer? {
    let text = String(decoding: response, as: UTF8.self)
    guard text.hasPrefix("HTTP/1.0 200 ") || text.hasPrefix("HTTP/1.1 200 "),
      let body = text.split(separator: "\r\n\r\n", maxSplits: 1).dropFirst().first
    else { return nil }
    return ProbeAnswer(body)
  }
}
