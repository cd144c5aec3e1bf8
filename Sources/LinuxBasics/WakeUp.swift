import CLinux

/// Wakes a thread that waits in `poll` or `epoll`: readable from when it is set until it is drained.
package struct WakeUp: ~Copyable, Sendable {
  private let event: Descriptor
  /// For `poll` and `epoll`.
  package var number: Int32 { event.number }

  package init() throws(KernelFileError) { event = try Descriptor.owned(holdfast_event(), "open", "an event") }

  package func set() { holdfast_event_set(number) }

  package func drain() { holdfast_drain(number) }
}
