import AsyncHTTPClient
import Glibc
import HoldfastModel

/// Why a socket does not lead to a daemon, in words.
enum SocketDiagnosis {
  static func explain(_ path: String, error: any Error, limit: Int64?) -> (reason: String, remedy: String) {
    if let error = error as? HTTPClientError, error == .deadlineExceeded || error == .readTimeout {
      return (
        "it did not answer within \(limit ?? 0) s",
        "It may be waiting for the store; `journalctl -u holdfastd -n 50` shows what it is doing."
      )
    }
    var file = stat()
    if lstat(path, &file) != 0 {
      return errno == ENOENT
        ? (
          "the socket does not exist",
          "Is holdfastd running here? `systemctl status holdfastd`; or name its socket with --socket."
        )
        : (
          "the socket cannot be examined: \(String(cString: strerror(errno)))",
          "Run the command as root or as a member of the operators' group."
        )
    }
    if file.st_mode & S_IFMT != S_IFSOCK {
      return ("this file is not a socket", "Name holdfastd's socket with --socket or HOLDFAST_SOCKET.")
    }
    if access(path, W_OK) != 0, errno == EACCES {
      return ("permission denied for user \(geteuid())", "Run the command as root or as a member of the operators' group.")
    }
    if "\(error)".contains("errno: \(EAGAIN))") {
      return (
        "too many clients wait there to be accepted",
        "`ss -xp` lists who is connected to the socket; end some of them. If holdfastd hangs, `journalctl -u holdfastd -n 50` tells why."
      )
    }
    return ("no process answers there (\(InWords.plain("\(error)")))", "Start holdfastd: `systemctl start holdfastd`.")
  }
}
