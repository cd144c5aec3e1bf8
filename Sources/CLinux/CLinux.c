#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/watchdog.h>
#include <malloc.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

int64_t holdfast_boot_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_BOOTTIME, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int holdfast_boot_timer(void) { return timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC); }

int holdfast_timer_set(int fd, int64_t at) {
  struct itimerspec s;
  memset(&s, 0, sizeof s);
  s.it_value.tv_sec = at / 1000000000;
  s.it_value.tv_nsec = at % 1000000000;
  return timerfd_settime(fd, TFD_TIMER_ABSTIME, &s, 0);
}

void holdfast_drain(int fd) {
  uint64_t n;
  while (read(fd, &n, sizeof n) == sizeof n) {}
}

int holdfast_event(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

void holdfast_event_set(int fd) {
  uint64_t one = 1;
  ssize_t ignored = write(fd, &one, sizeof one); // Fails only when it is readable already.
  (void)ignored;
}

int holdfast_stop_signals(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  if (sigprocmask(SIG_BLOCK, &set, 0) != 0) return -1;
  signal(SIGHUP, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

int holdfast_next_signal(int fd) {
  struct signalfd_siginfo info;
  return read(fd, &info, sizeof info) == sizeof info ? (int)info.ssi_signo : 0;
}

int holdfast_open(const char *path, int flags, int mode) { return open(path, flags | O_CLOEXEC, mode); }

// The length of a Unix address; 0 when the path is too long. A leading '@' means the abstract namespace (NOTIFY_SOCKET).
static socklen_t holdfast_unix_address(struct sockaddr_un *a, const char *path) {
  size_t n = strlen(path);
  memset(a, 0, sizeof *a);
  if (n == 0 || n >= sizeof a->sun_path) return 0;
  a->sun_family = AF_UNIX;
  memcpy(a->sun_path, path, n);
  if (path[0] == '@') a->sun_path[0] = 0;
  return (socklen_t)(__builtin_offsetof(struct sockaddr_un, sun_path) + n + (path[0] == '@' ? 0 : 1));
}

static int holdfast_close_keeping_errno(int fd) {
  int e = errno;
  close(fd);
  errno = e;
  return -1;
}

int holdfast_listen(const char *path) {
  struct sockaddr_un a;
  socklen_t n = holdfast_unix_address(&a, path);
  if (!n) return errno = ENAMETOOLONG, -1;
  int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  mode_t mask = umask(0177);
  int failed = bind(fd, (struct sockaddr *)&a, n);
  umask(mask);
  if (failed || listen(fd, 16)) return holdfast_close_keeping_errno(fd);
  return fd;
}

int holdfast_accept(int fd) { return accept4(fd, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC); }

int holdfast_connect(const char *path) {
  struct sockaddr_un a;
  socklen_t n = holdfast_unix_address(&a, path);
  if (!n) return errno = ENAMETOOLONG, -1;
  int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  if (connect(fd, (struct sockaddr *)&a, n)) return holdfast_close_keeping_errno(fd);
  return fd;
}

int holdfast_send_to(const char *path, const char *text) {
  struct sockaddr_un a;
  socklen_t n = holdfast_unix_address(&a, path);
  if (!n) return errno = ENAMETOOLONG, -1;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  ssize_t sent = sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&a, n);
  holdfast_close_keeping_errno(fd);
  return sent < 0 ? -1 : 0;
}

ssize_t holdfast_send(int fd, const void *bytes, size_t count) {
  return send(fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL | MSG_EOR);
}

ssize_t holdfast_receive(int fd, void *bytes, size_t count) {
  return recv(fd, bytes, count, MSG_DONTWAIT | MSG_TRUNC);
}

int holdfast_peer(int fd, uid_t *uid, pid_t *pid) {
  struct ucred c;
  socklen_t n = sizeof c;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n)) return -1;
  *uid = c.uid;
  *pid = c.pid;
  return 0;
}

int holdfast_link_is_up(int fd, const char *name) {
  struct ifreq r;
  memset(&r, 0, sizeof r);
  strncpy(r.ifr_name, name, IFNAMSIZ - 1);
  if (ioctl(fd, SIOCGIFFLAGS, &r)) return -1;
  return (r.ifr_flags & IFF_UP) ? 1 : 0;
}

int holdfast_link_set(int fd, const char *name, int up) {
  struct ifreq r;
  memset(&r, 0, sizeof r);
  strncpy(r.ifr_name, name, IFNAMSIZ - 1);
  if (ioctl(fd, SIOCGIFFLAGS, &r)) return -1;
  if (!(r.ifr_flags & IFF_UP) == !up) return 0;
  r.ifr_flags = (short)(up ? r.ifr_flags | IFF_UP : r.ifr_flags & ~IFF_UP);
  return ioctl(fd, SIOCSIFFLAGS, &r);
}

int holdfast_lock_memory(void) { return mlockall(MCL_CURRENT | MCL_FUTURE); }

static int release_code(struct dl_phdr_info *object, size_t size, void *unused) {
  (void)size, (void)unused;
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE) - 1;
  for (int i = 0; i < object->dlpi_phnum; i++) {
    const ElfW(Phdr) *part = &object->dlpi_phdr[i];
    if (part->p_type != PT_LOAD || (part->p_flags & PF_W) || !(part->p_flags & PF_X)) continue;
    const uintptr_t start = (object->dlpi_addr + part->p_vaddr) & ~page;
    const uintptr_t end = (object->dlpi_addr + part->p_vaddr + part->p_filesz + page) & ~page;
    madvise((void *)start, end - start, MADV_DONTNEED);
  }
  return 0;
}

void holdfast_release_startup(void) {
  malloc_trim(0);
  dl_iterate_phdr(release_code, NULL);
}

int holdfast_round_robin(int priority) {
  struct sched_param p;
  memset(&p, 0, sizeof p);
  p.sched_priority = priority;
  return sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &p);
}

int holdfast_highest_niceness(void) { return setpriority(PRIO_PROCESS, 0, -20); }

int holdfast_watchdog_timeout(int fd, int seconds) { return ioctl(fd, WDIOC_SETTIMEOUT, &seconds); }

int holdfast_lock_file(int fd) { return flock(fd, LOCK_EX | LOCK_NB); }
