import Crypto
import FoundationEssentials

/// What shows a webhook's receiver that a request is from somebody who has the secret, and when it was made: HMAC-SHA256 (RFC 2104) over
/// `TIMESTAMP.BODY`.
package struct WebhookSignature: Hashable, Sendable {
  /// Seconds since 1970: a receiver refuses what is older than some minutes, so that nobody can send a request again.
  package var timestamp: Int64
  /// `sha256=` and 64 hexadecimal digits.
  package var text: String

  package init(_ body: [UInt8], secret: String, at timestamp: Int64) {
    self.timestamp = timestamp
    let signed = Data("\(timestamp).".utf8) + body
    let code = HMAC<SHA256>.authenticationCode(for: signed, using: SymmetricKey(data: Data(secret.utf8)))
    text = "sha256=" + code.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }
}
