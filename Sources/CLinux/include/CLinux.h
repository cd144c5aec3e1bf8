// What Swift cannot import from the kernel's and the C library's headers: variadic calls, macros, and structures that are
// easier filled in C. A function that fails returns -1 and sets errno, unless it says otherwise.
//
// Only prototypes here: with _GNU_SOURCE in a header this module and Swift's own Glibc would disagree on types.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h> // Not in Swift's Glibc.
#include <sys/types.h>

// Nanoseconds on CLOCK_BOOTTIME. Cannot fail.
int64_t holdfast_boot_now(void);

int holdfast_boot_timer(void);

// Absolute, nanoseconds on CLOCK_BOOTTIME; 0 stops the timer, an instant in the past fires at once.
int holdfast_timer_set(int fd, int64_t at);

// Takes what a timerfd or an eventfd counted, so that it is no longer readable.
void holdfast_drain(int fd);

int holdfast_event(void);

void holdfast_event_set(int fd);

// SIGTERM and SIGINT as a descriptor; SIGHUP and SIGPIPE ignored.
int holdfast_stop_signals(void);

// The signal's number, 0 when there is none.
int holdfast_next_signal(int fd);

// Begins a thread that nobody waits for and that takes no signals: those are for the others.
int holdfast_thread(size_t stack, void *(*body)(void *), void *context);

// Before there are threads: they share one heap. Else each gets 64 MiB of addresses, which count as locked memory where all is locked.
void holdfast_share_heap(void);

// A new network namespace for the calling thread, which goes with it: for tests.
int holdfast_own_network(void);

// The calling thread enters the network namespace of a path such as /proc/PID/ns/net: sockets that it opens are there.
int holdfast_enter_network(const char *path);

// When a file was last written, in milliseconds since 1970; -2: `root` is not there. The path is looked up as if `root` were /: no link in it leads
// out. Linux 5.6.
int64_t holdfast_written_in(const char *root, const char *path);

// A listening SOCK_SEQPACKET socket that only its owner may connect to. The path must be free.
int holdfast_listen(const char *path);

int holdfast_accept(int fd);

// A connected SOCK_SEQPACKET socket, non-blocking once connected.
int holdfast_connect(const char *path);

// A connected SOCK_STREAM socket. One that does not wait fails with EAGAIN where the listener's queue is full.
int holdfast_connect_stream(const char *path, int waits);

// A process as a descriptor, readable when it has ended; -1 with ESRCH when there is none of that number.
int holdfast_pidfd_open(pid_t pid);

// SIGKILL.
int holdfast_pidfd_kill(int fd);

// One datagram to a Unix datagram socket. Never blocks; -1 with EAGAIN when its reader is behind.
int holdfast_send_to(const char *path, const char *text);

// Never blocks, never raises SIGPIPE.
ssize_t holdfast_send(int fd, const void *bytes, size_t count);

// The datagram's whole length, which is more than `count` when it was cut; 0 at the end.
ssize_t holdfast_receive(int fd, void *bytes, size_t count);

// The user and the process at the other end.
int holdfast_peer(int fd, uid_t *uid, pid_t *pid);

// A socket on which the kernel is asked about the links of this process's network namespace (rtnetlink), for one thread at a time.
int holdfast_links(void);

// 1: up, 0: down, -1 with ENODEV: no such link.
int holdfast_link_is_up(int fd, const char *name);

// Up or down, by name in one step: what has the name when it happens. Changes nothing where nothing is to be changed.
int holdfast_link_set(int fd, const char *name, int up);

// A socket on one Ethernet link (its index) for the frames by which hosts there find each other's hardware addresses, with their Ethernet
// headers. Of what comes in it has only what may tell who has the address: ARP for one of IPv4 (4 bytes), neighbour discovery for one of
// IPv6 (16 bytes). To close it may take as long as an RCU grace period.
int holdfast_neighbours(int link, const uint8_t *address, size_t count);

// An address on the link of this name: `count` bytes, 4 for IPv4 and 16 for IPv6, with this prefix length. -1 with EEXIST: it is there already; with
// ENOTUNIQ: it is there with another prefix length (IPv6 alone: a link has the same address of IPv4 several times); with ENODEV: no such link.
// IPv6 begins to use it at once: whether somebody else has it is asked before. Nothing that the host itself begins comes from one of IPv6, unless it is
// bound to it. It is marked as this project's, where the kernel keeps that.
int holdfast_address_add(int fd, const char *link, const void *address, size_t count, int prefix);

// Takes away that address with that prefix length. -1 with EADDRNOTAVAIL: the link has none such; with ENODEV: no such link.
int holdfast_address_remove(int fd, const char *link, const void *address, size_t count, int prefix);

// The same of the link with that number.
int holdfast_address_remove_on(int fd, int link, const void *address, size_t count, int prefix);

// 1 when the kernel keeps the mark of `holdfast_address_add` (Linux 5.18), 0 when not.
int holdfast_marks_addresses(void);

// Tells every address of IPv4 (`count` is 4) or IPv6 (16) of this network namespace: its link's number, its bytes, its prefix length, and whether it has the mark.
// -1 with EAGAIN also where something changed meanwhile: what was told then may not be all.
int holdfast_addresses(int fd, size_t count, void (*each)(void *context, int link, const void *address, int prefix, int is_marked), void *context);

// 1 when the bytes are among the others, next to each other. Takes time by the sum of both, whatever they are.
int holdfast_contains(const void *bytes, size_t count, const void *wanted, size_t wanted_count);

// A file of no file system that holds the bytes, at its beginning; -1: errno says why.
int holdfast_memory_file(const void *bytes, size_t count);

int holdfast_lock_memory(void);

// For the calling thread: when the kernel finds memory for it, it starts no writing to disks and waits for none. Linux 5.6, CAP_SYS_RESOURCE.
int holdfast_spare_disks(void);

// 1 when the file or directory is on a filesystem that has no disk, 0 when not.
int holdfast_is_in_memory(const char *path);

// Gives memory back that only the start needed: free heap, and the program's code, which is read from its file again where it is
// used. Code pages are never written to, and the loader's lock keeps them in place meanwhile. Cannot fail.
void holdfast_release_startup(void);

int holdfast_round_robin(int priority);

int holdfast_highest_niceness(void);

int holdfast_watchdog_timeout(int fd, int seconds);

// Seconds after which an unfed watchdog resets the host; -1 when it does not tell.
int holdfast_watchdog_timeout_in_force(int fd);

// Without waiting; -1 with EWOULDBLOCK when somebody else holds it.
int holdfast_lock_file(int fd);
