import Synchronization

/// The connections that calls are made on: each is lent to one call at a time, and kept for the next.
///
/// There are never more than calls at once: those that run, and those that hang.
final class CallConnections: Sendable {
  private struct Book {
    var opening = 0
    var idle: [ConnectionHandle] = []
  }
  private let uri: String
  private let book = Mutex(Book())

  init(uri: String) { self.uri = uri }

  /// From now on only connections made after this are lent: what was there is lost.
  func renew(opening: Int) {
    let lost = book.withLock { book in
      let lost = book.idle
      book = Book(opening: opening)
      return lost
    }
    // Closed outside the lock.
    _ = lost
  }

  /// Lends a connection to `body`. Blocks.
  func with<Value>(_ body: (ConnectionHandle) throws(LibvirtError) -> Value) throws(LibvirtError) -> Value {
    let (opening, idle) = book.withLock { ($0.opening, $0.idle.popLast()) }
    let connection: ConnectionHandle
    if let idle {
      connection = idle
    } else {
      do throws(LibvirtError) {
        connection = try ConnectionHandle(uri: uri)
      } catch {
        throw error.beforeAnythingWasAsked
      }
    }
    let value: Value
    do throws(LibvirtError) {
      value = try body(connection)
    } catch {
      if !error.lostConnection { giveBack(connection, opening) }
      throw error
    }
    giveBack(connection, opening)
    return value
  }

  private func giveBack(_ connection: ConnectionHandle, _ opening: Int) {
    book.withLock { book in
      if book.opening == opening { book.idle.append(connection) }
    }
  }
}
