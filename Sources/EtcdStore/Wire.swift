import FoundationEssentials
import HoldfastModel
import HoldfastPorts

/// The store's values in etcd's messages. Keys that are not UTF-8 are no keys of this store: they are passed over.
extension Etcdserverpb_TxnRequest {
  init(_ transaction: StoreTransaction) {
    self.init()
    compare = transaction.conditions.map { Etcdserverpb_Compare($0) }
    success = transaction.writes.map { Etcdserverpb_RequestOp($0) }
    // What the caller is told when a condition does not hold: each key once, in the conditions' order.
    var named: Set<String> = []
    failure = transaction.conditions.compactMap { condition in
      guard named.insert(condition.key).inserted else { return nil }
      var range = Etcdserverpb_RangeRequest()
      range.key = Data(condition.key.utf8)
      var operation = Etcdserverpb_RequestOp()
      operation.requestRange = range
      return operation
    }
  }
}

extension Etcdserverpb_Compare {
  init(_ condition: Condition<String>) {
    self.init()
    result = .equal
    key = Data(condition.key.utf8)
    switch condition {
    case .absent:
      target = .version
      version = 0
    case .unchanged(_, let modified):
      target = .mod
      modRevision = modified.value
    case .stands(_, let created):
      target = .create
      createRevision = created.value
    }
  }
}

extension Etcdserverpb_RequestOp {
  init(_ write: Write<String, [UInt8]>) {
    self.init()
    switch write {
    case .put(let key, let value):
      var put = Etcdserverpb_PutRequest()
      put.key = Data(key.utf8)
      put.value = Data(value)
      requestPut = put
    case .delete(let key):
      var delete = Etcdserverpb_DeleteRangeRequest()
      delete.key = Data(key.utf8)
      requestDeleteRange = delete
    }
  }
}

extension Etcdserverpb_TxnResponse {
  var verdict: StoreVerdict {
    let revision = Revision(header.revision)
    if succeeded { return .committed(revision) }
    var current: [String: Stored<[UInt8]>] = [:]
    for response in responses {
      for kv in response.responseRange.kvs { if let key = kv.text { current[key] = kv.stored } }
    }
    return .refused(revision, current: current)
  }
}

extension Etcdserverpb_KeyValue {
  /// nil when it is not UTF-8.
  var text: String? { String(validating: key, as: UTF8.self) }

  var stored: Stored<[UInt8]> {
    Stored(value: [UInt8](value), created: Revision(createRevision), modified: Revision(modRevision))
  }
}

extension Etcdserverpb_Event {
  var change: StoreChange? {
    guard let key = kv.text else { return nil }
    return StoreChange(key: key, entry: type == .delete ? nil : kv.stored, revision: Revision(kv.modRevision))
  }
}

/// The keys that start with a prefix, as etcd's half-open range.
struct KeyRange {
  var first: Data
  var end: Data

  init(prefix: String) {
    // UTF-8 has no byte 0xff: the last byte can always be counted up. etcd writes "every key" as two zero bytes.
    first = prefix.isEmpty ? Data([0]) : Data(prefix.utf8)
    end = first
    if !prefix.isEmpty { end[end.endIndex - 1] += 1 }
  }
}
