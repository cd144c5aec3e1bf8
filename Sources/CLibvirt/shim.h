#pragma once
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <unistd.h>

/* glibc hides it behind _GNU_SOURCE, so Swift's Glibc module lacks it. */
int pthread_setname_np(pthread_t, const char *);

/* VIR_DOMAIN_EVENT_CALLBACK is a macro, which Swift cannot import; one function for each kind of callback keeps the types checked. */
static inline virConnectDomainEventGenericCallback clibvirt_lifecycle(virConnectDomainEventCallback callback) {
  return VIR_DOMAIN_EVENT_CALLBACK(callback);
}
static inline virConnectDomainEventGenericCallback clibvirt_metadata(virConnectDomainEventMetadataChangeCallback callback) {
  return VIR_DOMAIN_EVENT_CALLBACK(callback);
}
static inline virConnectDomainEventGenericCallback clibvirt_device_added(virConnectDomainEventDeviceAddedCallback callback) {
  return VIR_DOMAIN_EVENT_CALLBACK(callback);
}
static inline virConnectDomainEventGenericCallback clibvirt_device_removed(virConnectDomainEventDeviceRemovedCallback callback) {
  return VIR_DOMAIN_EVENT_CALLBACK(callback);
}

/* Debian 12's glibc has no wrappers for these. */
static inline int clibvirt_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }
static inline void clibvirt_pidfd_kill(int descriptor) { syscall(SYS_pidfd_send_signal, descriptor, SIGKILL, NULL, 0); }

/* The process that listens on a Unix socket, in our PID namespace; 0 when it cannot be reached, or is in none that we see.
   In C, because struct ucred hides behind _GNU_SOURCE too: the kernel's layout is pid, uid, gid. */
static inline pid_t clibvirt_socket_owner(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  struct { pid_t pid; uid_t uid; gid_t gid; } peer = {0, 0, 0};
  socklen_t size = sizeof peer;
  if (strlen(path) >= sizeof address.sun_path) return 0;
  strcpy(address.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return 0;
  if (connect(fd, (struct sockaddr *)&address, sizeof address) || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size)) peer.pid = 0;
  close(fd);
  return peer.pid;
}
