import Glibc
import HoldfastTime
import LinuxBasics
import Synchronization
import SystemPackage

/// Asks containers over HTTP all the time, and keeps account of when each answered.
///
/// One thread of its own does it all. That thread enters the switch's network namespace: a namespace is a matter of each
/// thread, so nothing else of the program is moved.
public final class HTTPProbe: Sendable {
  /// How often, and how patiently.
  public struct Settings: Equatable, Sendable {
    /// From one question to the next, to each container. A silent container is asked at the same pace, so this is also the
    /// resolution with which its return is seen.
    public var interval: Duration
    /// How long an answer may take.
    public var patience: Duration

    public init(interval: Duration = .milliseconds(20), patience: Duration = .milliseconds(250)) {
      self.interval = interval
      self.patience = patience
    }
  }

  private let record: ProbeRecord

  /// Starts asking `targets`, which are IPv4 addresses by name, at port 80.
  ///
  /// `namespace` is the path of a network namespace to ask from, such as `LabCluster.switchNamespace()`; nil: this program's.
  public init(targets: [String: String], namespace: String?, settings: Settings = Settings()) async throws(ProbeError) {
    let names = targets.keys.sorted()
    let addresses = try names.map { (name) throws(ProbeError) in
      var address = in_addr()
      guard inet_pton(AF_INET, targets[name], &address) == 1 else {
        throw ProbeError.badAddress(target: name, address: targets[name] ?? "")
      }
      return address
    }
    let record = ProbeRecord(names: names)
    self.record = record
    let started: Result<Void, ProbeError> = await withCheckedContinuation { continuation in
      let failure = startThread(name: "lab-probe") {
        if let namespace, let error = enter(namespace) {
          continuation.resume(returning: .failure(error))
          return
        }
        continuation.resume(returning: .success(()))
        var loop = ProbeLoop(addresses: addresses, settings: settings, record: record)
        loop.run()
        record.ended()
      }
      if failure != 0 { continuation.resume(returning: .failure(.noThread(reason: reason(failure)))) }
    }
    try started.get()
  }

  deinit { record.stop() }

  /// Every container's history up to now, by name.
  public var histories: [String: ProbeHistory] { record.histories }

  /// The history of one container; an empty one for a name that is not probed.
  public func history(_ name: String) -> ProbeHistory { record.histories[name] ?? ProbeHistory() }

  /// Waits until `condition` holds of the histories; false when it did not within `limit`.
  public func wait(_ limit: Duration, until condition: ([String: ProbeHistory]) -> Bool) async -> Bool {
    let end = LabClock.now + limit
    while !condition(record.histories) {
      guard LabClock.now < end, !Task.isCancelled else { return false }
      try? await Task.sleep(for: .milliseconds(5))
    }
    return true
  }

  /// Stops asking; returns when the thread has ended. The histories stay.
  public func stop() async { await record.stopAndWait() }
}

/// Why nothing can be probed.
public enum ProbeError: Error, Equatable, Sendable, CustomStringConvertible {
  case badAddress(target: String, address: String)
  case noNamespace(path: String, reason: String)
  case noThread(reason: String)

  public var description: String {
    switch self {
    case .badAddress(let target, let address): "\(target)'s address '\(address)' is not an IPv4 address"
    case .noNamespace(let path, let reason):
      "the network namespace \(path) cannot be entered: \(reason). Is the lab up, and are you root?"
    case .noThread(let reason): "no thread for the probe: \(reason)"
    }
  }
}

/// What the probe's thread writes and everybody reads.
final class ProbeRecord: Sendable {
  private struct State {
    var histories: [ProbeHistory]
    var stopping = false
    var ended = false
    var waiting: [CheckedContinuation<Void, Never>] = []
  }
  private let names: [String]
  private let state: Mutex<State>

  init(names: [String]) {
    self.names = names
    state = Mutex(State(histories: Array(repeating: ProbeHistory(), count: names.count)))
  }

  var histories: [String: ProbeHistory] {
    let histories = state.withLock { $0.histories }
    return Dictionary(uniqueKeysWithValues: zip(names, histories))
  }

  var isStopping: Bool { state.withLock { $0.stopping } }

  func answered(_ target: Int, _ answer: ProbeAnswer, asked: BootInstant, now: BootInstant) {
    state.withLock { $0.histories[target].answered(answer, asked: asked, now: now) }
  }

  func missed(_ target: Int, asked: BootInstant) { state.withLock { $0.histories[target].missed(asked: asked) } }

  func stop() { state.withLock { $0.stopping = true } }

  func stopAndWait() async {
    await withCheckedContinuation { continuation in
      let ended = state.withLock {
        $0.stopping = true
        if !$0.ended { $0.waiting.append(continuation) }
        return $0.ended
      }
      if ended { continuation.resume() }
    }
  }

  func ended() {
    // Nobody is added once it has ended.
    let waiting = state.withLock {
      $0.ended = true
      return $0.waiting
    }
    for continuation in waiting { continuation.resume() }
  }
}

/// Moves the calling thread, and no other, to a network namespace.
private func enter(_ namespace: String) -> ProbeError? {
  // The C library has setns, but its headers hide it from Swift: they are imported without _GNU_SOURCE.
  typealias SetNamespace = @convention(c) (Int32, Int32) -> Int32
  let networkNamespace: Int32 = 0x4000_0000
  guard let symbol = dlsym(nil, "setns") else { return .noNamespace(path: namespace, reason: "the C library has no setns") }
  let descriptor: Descriptor
  do { descriptor = try Descriptor.open(namespace, .readOnly) } catch {
    return .noNamespace(path: namespace, reason: error.reason)
  }
  guard unsafeBitCast(symbol, to: SetNamespace.self)(descriptor.number, networkNamespace) == 0 else {
    return .noNamespace(path: namespace, reason: reason(errno))
  }
  return nil
}

func reason(_ error: Int32) -> String { String(cString: strerror(error)) }

private final class ThreadBody {
  let body: @Sendable () -> Void
  init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

/// Starts a detached thread; returns an error number, 0 when it started. The probe blocks, so it is kept off the cooperative pool.
private func startThread(name: String, _ body: @escaping @Sendable () -> Void) -> Int32 {
  var thread = pthread_t()
  let box = Unmanaged.passRetained(ThreadBody(body))
  let failure = pthread_create(
    &thread, nil,
    { argument in
      guard let argument else { return nil }
      Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().body()
      return nil
    }, box.toOpaque())
  if failure == 0 { pthread_detach(thread) } else { box.release() }
  return failure
}
