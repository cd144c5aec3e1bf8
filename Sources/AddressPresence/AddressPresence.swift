import CLinux
import Glibc
import GuardCore
import HoldfastPorts
import HoldfastTime
import LinuxBasics
import NIOPosix

/// Whether anybody on a link has an address, and the announcement that this host has it now: for addresses that move between hosts.
///
/// Asking first finds who was given the address by mistake: it moves nothing and proves nothing. That no two nodes have it is the claim's matter and the
/// guard's. Announcing spares the link's hosts and switches the minutes for which they would go on sending to where it was.
public struct AddressPresence: Sendable {
  /// What is known of an address on a link.
  public enum Answer: Hashable, Sendable {
    /// All who could be asked were, and nobody said anything within the limit.
    case nobody
    /// Somebody who is not this link has it, or asks for it in order to take it.
    case somebody(MACAddress)
    /// Nobody could be asked, or not everybody. Not an answer: it says nothing of the address. The reason is a clause.
    case cannotTell(reason: String)
  }

  /// For how long an answer is waited for. RFC 5227 takes seconds, for hosts that all come up at once on links of any kind, and it asks thrice. Here one
  /// host asks, which holds the claim, and while it waits nobody serves the address; hosts of one link answer within milliseconds.
  public static let patience = Duration.milliseconds(300)
  /// When an address is announced, counted from the first time: a frame may be lost, and a switch that was told of a new port may not forward yet.
  public static let announcements: [Duration] = [
    .zero, .milliseconds(200), .milliseconds(500), .seconds(1), .seconds(2)
  ]

  /// What waits for the network or the kernel's routing lock: so many at once, the others behind them.
  private static let threads: NIOThreadPool = {
    let threads = NIOThreadPool(numberOfThreads: 16)
    threads.start()
    return threads
  }()
  /// For a thread, and for the kernel's routing lock.
  private static let waiting = Duration.seconds(2)

  private let network: String?

  /// - Parameter network: the path of a network namespace; nil: this process's own. For tests.
  public init(network: String? = nil) { self.network = network }

  /// Asks a link's hosts for an address, twice: after a third of the limit again, as a frame may be lost.
  ///
  /// A link that ends in this host, or has no neighbours to be asked (loopback, NOARP), has nobody. The caller's cancellation ends it at once.
  ///
  /// - Parameters:
  ///   - link: its name.
  ///   - limit: for how long somebody is listened to. With 2 s more at most, on a host with much to do, there is an answer.
  public func owner(
    of address: IPAddress, on link: String, within limit: Duration = patience
  ) async -> Answer {
    let answer = await onThread(within: limit) { wake, tell in
      do throws(KernelFileError) { try Self.ask(for: address, on: link, within: limit, wake, tell) } catch {
        tell(.cannotTell(reason: "\(error)"))
      }
    } refused: {
      Answer.cannotTell(reason: $0)
    }
    return answer ?? .cannotTell(reason: Task.isCancelled ? "it was given up" : "this node did not come to ask in time")
  }

  /// Tells a link's hosts that this link has the address, again and again: returns after the last time.
  ///
  /// Each time only while the kernel has the address on the link: what the guard has taken away meanwhile is another node's, and what is announced
  /// then would take the traffic from it. A link without neighbours is told nothing. The caller's cancellation ends it at once.
  ///
  /// - Parameter instants: counted from now, ascending.
  /// - Throws: `AnnouncementError` as soon as the address is not there, or when it could not be announced a single time; `CancellationError`.
  public func announce(
    _ address: IPAddress, on link: String, at instants: [Duration] = announcements
  ) async throws {
    let start = ContinuousClock.now
    var failure: AnnouncementError?, isAnnounced = false
    for instant in instants {
      try await Task.sleep(until: start + instant, clock: .continuous)
      let outcome = await onThread(within: .zero) { _, tell in
        do throws(KernelFileError) { try Self.tellOnce(of: address, on: link, tell) } catch {
          tell(.failed(reason: "\(error)"))
        }
      } refused: {
        Outcome.failed(reason: $0)
      }
      try Task.checkCancellation()
      switch outcome ?? .failed(reason: "this node did not come to do it in time") {
      case .told: isAnnounced = true
      case .failed(let reason): failure = AnnouncementError(address: address, link: link, reason: reason)
      case .notHere(let reason): throw AnnouncementError(address: address, link: link, reason: reason)
      }
    }
    if let failure, !isAnnounced { throw failure }
  }

  // MARK: on a thread

  private enum Outcome: Sendable {
    case told
    /// The next time may be better.
    case failed(reason: String)
    case notHere(reason: String)
  }

  /// - Parameter tell: called once, before the socket is closed: the kernel takes its time for that.
  private static func ask(
    for address: IPAddress, on name: String, within limit: Duration, _ wake: borrowing WakeUp, _ tell: (Answer) -> Void
  ) throws(KernelFileError) {
    switch try HostLink(name).neighbours {
    case .none: tell(.nobody)
    case .outOfReach(let reason): tell(.cannotTell(reason: reason))
    case .some(let index, let own):
      let socket = try NeighbourSocket(on: name, index: index, own: own, about: address)
      tell(try answer(socket, within: limit, wake))
      _ = consume socket
    }
  }

  private static func answer(
    _ socket: borrowing NeighbourSocket, within limit: Duration, _ wake: borrowing WakeUp
  ) throws(KernelFileError) -> Answer {
    // The pause after the last question counts from when it was asked: what delayed it shortens nobody's time to answer.
    for pause in [limit / 3, limit - limit / 3] {
      try socket.probe()
      switch try socket.listen(until: .now + pause, or: wake) {
      case .claimant(let mac): return .somebody(mac)
      case .wakeUp: return .cannotTell(reason: "it was given up")
      case .nothing: break
      }
    }
    return .nobody
  }

  private static func tellOnce(of address: IPAddress, on name: String, _ tell: (Outcome) -> Void) throws(KernelFileError) {
    let link = try HostLink(name)
    switch link.neighbours {
    case .outOfReach(let reason): return tell(.failed(reason: reason))
    case _ where !link.has(address): return tell(.notHere(reason: "link \(name) does not have it"))
    case .none: return tell(.told)
    case .some(let index, let own):
      let socket = try NeighbourSocket(on: name, index: index, own: own, about: address)
      // Whoever learned that this host forwards packets is not to unlearn it.
      let forwarding = address.isSix ? try? KernelFile.read("/proc/sys/net/ipv6/conf/\(name)/forwarding") : nil
      try socket.announce(isRouter: forwarding.map { !$0.hasPrefix("0") } ?? false)
      tell(.told)
      _ = consume socket
    }
  }

  /// Until the caller is cancelled, or the limit and what may be waited for besides are over: nil then.
  ///
  /// - Parameters:
  ///   - work: on one of the threads. It calls once what it is given, and ends soon after it was woken.
  ///   - refused: makes a value of why it is not begun.
  private func onThread<Value: Sendable>(
    within limit: Duration, _ work: @escaping @Sendable (borrowing WakeUp, (Value) -> Void) -> Void,
    refused: @escaping @Sendable (_ reason: String) -> Value
  ) async -> Value? {
    let finish = Finish<Value>(), box: WakeUpBox
    do throws(KernelFileError) { box = try WakeUpBox() } catch { return refused("\(error)") }
    Self.threads.submit { [network] state in
      guard case .active = state, !box.isSet else { return finish.settle(nil) }
      if let network, holdfast_enter_network(network) != 0 { return finish.settle(refused("no network: \(errno)")) }
      defer { if network != nil { _ = holdfast_enter_network("/proc/self/ns/net") } }
      work(box.wake) { finish.settle($0) }
    }
    let timer = Task {
      try? await Task.sleep(for: limit + Self.waiting, clock: .continuous)
      finish.settle(nil)
    }
    defer {
      timer.cancel()
      box.wake.set()
    }
    return await finish.value()
  }
}

/// Why an address was not announced.
public struct AnnouncementError: Error, Hashable, Sendable, CustomStringConvertible {
  public var address: IPAddress
  /// The link's name.
  public var link: String
  /// A clause.
  public var reason: String

  package init(address: IPAddress, link: String, reason: String) {
    self.address = address
    self.link = link
    self.reason = reason
  }

  public var description: String { "\(address) is not announced on \(link): \(reason)" }
}

/// For those who share it.
private final class WakeUpBox: Sendable {
  let wake: WakeUp

  init() throws(KernelFileError) { wake = try WakeUp() }

  var isSet: Bool {
    var descriptor = pollfd(fd: wake.number, events: Int16(POLLIN), revents: 0)
    return poll(&descriptor, 1, 0) > 0
  }
}
