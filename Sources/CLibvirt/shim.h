#pragma once
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <libvirt/libvirt-qemu.h>
#include <pthread.h>

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
static inline virConnectDomainEventGenericCallback clibvirt_block_job(virConnectDomainEventBlockJobCallback callback) {
  return VIR_DOMAIN_EVENT_CALLBACK(callback);
}
