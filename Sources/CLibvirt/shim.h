#pragma once
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/types.h>
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
