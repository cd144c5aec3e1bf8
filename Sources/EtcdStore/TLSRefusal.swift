import HoldfastPorts

/// What a failed TLS handshake means for the operator.
enum TLSRefusal {
  /// The refusal behind a connection error's text; nil when it is no matter of certificates (and may pass).
  ///
  /// By text: the TLS library's errors reach us wrapped several times, and only their text says which alert it was.
  static func of(_ reason: String, from endpoint: Endpoint) -> StoreError? {
    func has(_ words: String...) -> Bool { words.contains { reason.contains($0) } }
    if has("CERTIFICATE_VERIFY_FAILED") {
      return .rejected(
        reason: "\(endpoint) shows a certificate that the configured authority did not sign (or that is not valid now)",
        remedy: "Give the authority file that signed etcd's certificates (its --trusted-ca-file), and check their dates.")
    }
    if has("failedToValidateHostname", "unableToValidateCertificate") {
      return .rejected(
        reason: "\(endpoint) shows a certificate for another host",
        remedy: "Use the name or address in the certificate's subjectAltName, or add this one to the certificate.")
    }
    if has("ALERT", "alert") {
      return .rejected(
        reason: "\(endpoint) does not accept this client's certificate, or wants one and none is configured",
        remedy: "Configure a certificate and key signed by etcd's --trusted-ca-file, and check its dates.")
    }
    if has("WRONG_VERSION_NUMBER", "HTTP_REQUEST") {
      return .rejected(
        reason: "\(endpoint) does not speak TLS", remedy: "Start etcd with --cert-file and --key-file, and check the port.")
    }
    return nil
  }
}
