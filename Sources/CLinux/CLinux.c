#define _GNU_SOURCE
#include "CLinux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/magic.h>
#include <linux/netlink.h>
#include <linux/openat2.h>
#include <linux/rtnetlink.h>
#include <linux/watchdog.h>
#include <malloc.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
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
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/vfs.h>
#include <sys/un.h>
#include <sys/utsname.h>
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

int holdfast_thread(size_t stack, void *(*body)(void *), void *context) {
  sigset_t all, before;
  pthread_attr_t attributes;
  pthread_t thread;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, stack);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  // Inherited by the thread from its first instruction on.
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int code = pthread_create(&thread, &attributes, body, context);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  return code ? (errno = code, -1) : 0;
}

void holdfast_share_heap(void) { mallopt(M_ARENA_MAX, 1); }

int holdfast_own_network(void) { return unshare(CLONE_NEWNET); }

static int holdfast_close_keeping_errno(int fd) {
  int e = errno;
  close(fd);
  errno = e;
  return -1;
}

int holdfast_enter_network(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  int result = setns(fd, CLONE_NEWNET);
  holdfast_close_keeping_errno(fd);
  return result;
}

int64_t holdfast_written_in(const char *root, const char *path) {
  int base = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (base < 0) return -2;
  struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
  int file = (int)syscall(SYS_openat2, base, path, &how, sizeof how);
  holdfast_close_keeping_errno(base);
  if (file < 0) return -1;
  struct stat s;
  int result = fstat(file, &s);
  holdfast_close_keeping_errno(file);
  return result < 0 ? -1 : (int64_t)s.st_mtim.tv_sec * 1000 + s.st_mtim.tv_nsec / 1000000;
}

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

static int holdfast_connect_as(const char *path, int type) {
  struct sockaddr_un a;
  socklen_t n = holdfast_unix_address(&a, path);
  if (!n) return errno = ENAMETOOLONG, -1;
  int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (connect(fd, (struct sockaddr *)&a, n)) return holdfast_close_keeping_errno(fd);
  return fd;
}

int holdfast_connect(const char *path) { return holdfast_connect_as(path, SOCK_SEQPACKET | SOCK_NONBLOCK); }

int holdfast_connect_stream(const char *path, int waits) {
  return holdfast_connect_as(path, SOCK_STREAM | (waits ? 0 : SOCK_NONBLOCK));
}

// Debian 12's glibc has no wrappers for these.
int holdfast_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int holdfast_pidfd_kill(int fd) { return (int)syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0); }

int holdfast_send_to(const char *path, const char *text) {
  struct sockaddr_un a;
  socklen_t n = holdfast_unix_address(&a, path);
  if (!n) return errno = ENAMETOOLONG, -1;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  ssize_t sent = sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&a, n);
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

int holdfast_links(void) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
  if (fd < 0) return -1;
  struct sockaddr_nl a;
  memset(&a, 0, sizeof a);
  a.nl_family = AF_NETLINK;
  if (bind(fd, (struct sockaddr *)&a, sizeof a)) return holdfast_close_keeping_errno(fd);
  return fd;
}

struct holdfast_link_request {
  struct nlmsghdr head;
  struct ifinfomsg link;
  char attributes[RTA_SPACE(IFNAMSIZ) + RTA_SPACE(sizeof(uint32_t))];
};

struct holdfast_address_request {
  struct nlmsghdr head;
  struct ifaddrmsg address;
  char attributes[2 * RTA_SPACE(16) + RTA_SPACE(sizeof(struct ifa_cacheinfo)) + RTA_SPACE(4) + RTA_SPACE(1)];
};

// The request's buffer has room for it.
static void holdfast_route_add(struct nlmsghdr *r, unsigned short type, const void *bytes, size_t count) {
  struct rtattr *a = (struct rtattr *)((char *)r + NLMSG_ALIGN(r->nlmsg_len));
  a->rta_type = type;
  a->rta_len = (unsigned short)RTA_LENGTH(count);
  memcpy(RTA_DATA(a), bytes, count);
  r->nlmsg_len = (uint32_t)(NLMSG_ALIGN(r->nlmsg_len) + RTA_ALIGN(a->rta_len));
}

// Of the questions of a thread: an answer has its question's.
static _Thread_local uint32_t holdfast_route_sequence;

static int holdfast_route_send(int fd, struct nlmsghdr *r) {
  struct sockaddr_nl kernel;
  memset(&kernel, 0, sizeof kernel);
  kernel.nl_family = AF_NETLINK;
  r->nlmsg_seq = ++holdfast_route_sequence;
  return sendto(fd, r, r->nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0 ? -1 : 0;
}

// Asks and takes the answer. The kernel answers before sendto returns, so nothing is waited for here. The beginning of an answer of this type is put
// where `answered` points, unless it is NULL.
static int holdfast_route_ask(int fd, struct nlmsghdr *r, unsigned short type, void *answered, size_t wanted) {
  if (holdfast_route_send(fd, r)) return -1;
  for (;;) {
    // What does not fit is cut: what is wanted is at the beginning.
    union { struct nlmsghdr head; char bytes[4096]; } answer;
    const ssize_t count = recv(fd, &answer, sizeof answer, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -1;
    if (count < (ssize_t)sizeof answer.head || answer.head.nlmsg_seq != r->nlmsg_seq) continue; // Of an earlier question.
    if (answer.head.nlmsg_type == NLMSG_ERROR && count >= (ssize_t)NLMSG_LENGTH(sizeof(int))) {
      const int code = ((struct nlmsgerr *)NLMSG_DATA(&answer.head))->error;
      return code ? (errno = -code, -1) : 0;
    }
    if (!answered || answer.head.nlmsg_type != type || count < (ssize_t)NLMSG_LENGTH(wanted)) return errno = EPROTO, -1;
    memcpy(answered, NLMSG_DATA(&answer.head), wanted);
    return 0;
  }
}

// About a link by its name. What the answer says of it is put where `found` points, unless it is NULL.
static int holdfast_link_ask(int fd, const char *name, struct holdfast_link_request *r, struct ifinfomsg *found) {
  const size_t length = strnlen(name, IFNAMSIZ);
  if (length == 0 || length >= IFNAMSIZ) return errno = EINVAL, -1;
  r->link.ifi_family = AF_UNSPEC;
  r->head.nlmsg_len = NLMSG_LENGTH(sizeof r->link);
  holdfast_route_add(&r->head, IFLA_IFNAME, name, length + 1);
  if (found) {
    const uint32_t little = RTEXT_FILTER_SKIP_STATS;
    holdfast_route_add(&r->head, IFLA_EXT_MASK, &little, sizeof little);
  }
  return holdfast_route_ask(fd, &r->head, RTM_NEWLINK, found, sizeof *found);
}

static int holdfast_link_find(int fd, const char *name, struct ifinfomsg *found) {
  struct holdfast_link_request r;
  memset(&r, 0, sizeof r);
  r.head.nlmsg_type = RTM_GETLINK;
  r.head.nlmsg_flags = NLM_F_REQUEST;
  return holdfast_link_ask(fd, name, &r, found);
}

int holdfast_link_is_up(int fd, const char *name) {
  struct ifinfomsg found;
  if (holdfast_link_find(fd, name, &found)) return -1;
  return (found.ifi_flags & IFF_UP) ? 1 : 0;
}

int holdfast_link_set(int fd, const char *name, int up) {
  struct holdfast_link_request r;
  memset(&r, 0, sizeof r);
  r.head.nlmsg_type = RTM_SETLINK;
  r.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  r.link.ifi_flags = up ? IFF_UP : 0;
  r.link.ifi_change = IFF_UP;
  return holdfast_link_ask(fd, name, &r, NULL);
}

// Lets in ARP whose sender has the address, and that asks for it on behalf of nobody, as a probe does: many on a busy link ask for it to reach it.
static size_t holdfast_arp_filter(struct sock_filter *f, uint32_t address) {
  const struct sock_filter program[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 28), // The sender's.
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, address, 3, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 38), // The target's.
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, address, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, 0x40000),
    BPF_STMT(BPF_RET | BPF_K, 0),
  };
  memcpy(f, program, sizeof program);
  return sizeof program / sizeof *program;
}

// Lets in neighbour solicitations for the address and advertisements of it: a link's whole traffic of IPv6 passes here.
static size_t holdfast_discovery_filter(struct sock_filter *f, const uint32_t address[4]) {
  const struct sock_filter program[] = {
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 20), // The next header: ICMPv6.
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 58, 0, 12),
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 54), // Its type.
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 135, 1, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 136, 0, 9),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 62), // The target.
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, address[0], 0, 7),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 66),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, address[1], 0, 5),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 70),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, address[2], 0, 3),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 74),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, address[3], 0, 1),
    BPF_STMT(BPF_RET | BPF_K, 0x40000),
    BPF_STMT(BPF_RET | BPF_K, 0),
  };
  memcpy(f, program, sizeof program);
  return sizeof program / sizeof *program;
}

// A network card hands on of multicast what it was told to.
static int holdfast_hear(int fd, int link, const uint8_t group[ETH_ALEN]) {
  struct packet_mreq m;
  memset(&m, 0, sizeof m);
  m.mr_ifindex = link;
  m.mr_type = PACKET_MR_MULTICAST;
  m.mr_alen = ETH_ALEN;
  memcpy(m.mr_address, group, ETH_ALEN);
  return setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof m);
}

int holdfast_neighbours(int link, const uint8_t *address, size_t count) {
  uint32_t words[4];
  if (count != 4 && count != 16) return errno = EINVAL, -1;
  for (size_t i = 0; i < count / 4; i++) {
    const uint8_t *b = address + 4 * i;
    words[i] = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
  }
  // Of no protocol before it is bound: it hears nothing of other links, and nothing that the filter would not let in.
  int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  struct sock_filter filter[16];
  const size_t length = count == 4 ? holdfast_arp_filter(filter, words[0]) : holdfast_discovery_filter(filter, words);
  const struct sock_fprog program = {(unsigned short)length, filter};
  if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program)) return holdfast_close_keeping_errno(fd);
  struct sockaddr_ll a;
  memset(&a, 0, sizeof a);
  a.sll_family = AF_PACKET;
  a.sll_protocol = htons(count == 4 ? ETH_P_ARP : ETH_P_IPV6);
  a.sll_ifindex = link;
  if (bind(fd, (struct sockaddr *)&a, sizeof a)) return holdfast_close_keeping_errno(fd);
  if (count == 16) {
    const uint8_t all[ETH_ALEN] = {0x33, 0x33, 0, 0, 0, 1};
    const uint8_t solicited[ETH_ALEN] = {0x33, 0x33, 0xff, address[13], address[14], address[15]};
    if (holdfast_hear(fd, link, all) || holdfast_hear(fd, link, solicited)) return holdfast_close_keeping_errno(fd);
  }
  return fd;
}

// A request about an address of a link, complete but for its type and flags. The kernel keeps addresses with a link's number, which no other
// link gets while this network namespace lives, but for 2^31 links later.
static int holdfast_address_request_on(
  int link, const void *address, size_t count, int prefix, struct holdfast_address_request *r) {
  if ((count != 4 && count != 16) || prefix < 0 || (size_t)prefix > count * 8) return errno = EINVAL, -1;
  memset(r, 0, sizeof *r);
  r->head.nlmsg_len = NLMSG_LENGTH(sizeof r->address);
  r->address.ifa_family = count == 4 ? AF_INET : AF_INET6;
  r->address.ifa_prefixlen = (unsigned char)prefix;
  r->address.ifa_index = (unsigned)link;
  holdfast_route_add(&r->head, IFA_LOCAL, address, count);
  holdfast_route_add(&r->head, IFA_ADDRESS, address, count);
  return 0;
}

// The same about the link of that name.
static int holdfast_address_request(
  int fd, const char *link, const void *address, size_t count, int prefix, struct holdfast_address_request *r) {
  struct ifinfomsg found;
  if (holdfast_link_find(fd, link, &found)) return -1;
  return holdfast_address_request_on(found.ifi_index, address, count, prefix, r);
}

// The prefix length with which the link has the address of IPv6.
static int holdfast_address_prefix(int fd, const char *link, const void *address) {
  struct holdfast_address_request r;
  if (holdfast_address_request(fd, link, address, 16, 0, &r)) return -1;
  r.head.nlmsg_type = RTM_GETADDR;
  r.head.nlmsg_flags = NLM_F_REQUEST;
  struct ifaddrmsg found;
  if (holdfast_route_ask(fd, &r.head, RTM_NEWADDR, &found, sizeof found)) return -1;
  return found.ifa_prefixlen;
}

// IFA_PROTO, who put an address there: since Linux 5.18, and of headers that are younger than some that this is built with. Those below 4 are the kernel's.
enum { HOLDFAST_IFA_PROTO = 11, HOLDFAST_ADDRESS_MARK = 72 };

int holdfast_marks_addresses(void) {
  struct utsname kernel;
  int major = 0, minor = 0;
  if (uname(&kernel) || sscanf(kernel.release, "%d.%d", &major, &minor) != 2) return 0;
  return major > 5 || (major == 5 && minor >= 18);
}

int holdfast_address_add(int fd, const char *link, const void *address, size_t count, int prefix) {
  struct holdfast_address_request r;
  if (holdfast_address_request(fd, link, address, count, prefix, &r)) return -1;
  r.head.nlmsg_type = RTM_NEWADDR;
  r.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
  const uint8_t mark = HOLDFAST_ADDRESS_MARK;
  holdfast_route_add(&r.head, HOLDFAST_IFA_PROTO, &mark, sizeof mark);
  if (count == 16) {
    r.address.ifa_flags = IFA_F_NODAD;
    // Never preferred: what the host itself connects to is not to see it come from an address that moves away.
    const struct ifa_cacheinfo lives = {.ifa_prefered = 0, .ifa_valid = UINT32_MAX};
    holdfast_route_add(&r.head, IFA_CACHEINFO, &lives, sizeof lives);
  } else if (prefix < 31) {
    uint32_t broadcast;
    memcpy(&broadcast, address, sizeof broadcast);
    // `prefix` is 0 to 30 here, so the shift is defined.
    broadcast |= htonl(UINT32_MAX >> prefix);
    holdfast_route_add(&r.head, IFA_BROADCAST, &broadcast, sizeof broadcast);
  }
  if (!holdfast_route_ask(fd, &r.head, 0, NULL, 0)) return 0;
  if (errno != EEXIST || count != 16) return -1;
  const int there = holdfast_address_prefix(fd, link, address);
  if (there < 0) return -1;
  return errno = there == prefix ? EEXIST : ENOTUNIQ, -1;
}

int holdfast_address_remove_on(int fd, int link, const void *address, size_t count, int prefix) {
  struct holdfast_address_request r;
  if (holdfast_address_request_on(link, address, count, prefix, &r)) return -1;
  r.head.nlmsg_type = RTM_DELADDR;
  r.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  return holdfast_route_ask(fd, &r.head, 0, NULL, 0);
}

int holdfast_address_remove(int fd, const char *link, const void *address, size_t count, int prefix) {
  struct ifinfomsg found;
  if (holdfast_link_find(fd, link, &found)) return -1;
  return holdfast_address_remove_on(fd, found.ifi_index, address, count, prefix);
}

// One address of a dump.
static void holdfast_address_seen(
  struct nlmsghdr *m, size_t count, void (*each)(void *, int, const void *, int, int), void *context) {
  if (m->nlmsg_type != RTM_NEWADDR || m->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifaddrmsg))) return;
  struct ifaddrmsg *found = NLMSG_DATA(m);
  if (found->ifa_family != (count == 4 ? AF_INET : AF_INET6)) return;
  const void *own = NULL;
  int is_marked = 0;
  int left = (int)IFA_PAYLOAD(m);
  for (struct rtattr *a = IFA_RTA(found); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
    if (a->rta_type == HOLDFAST_IFA_PROTO && RTA_PAYLOAD(a) >= 1) {
      is_marked = *(const uint8_t *)RTA_DATA(a) == HOLDFAST_ADDRESS_MARK;
    } else if (RTA_PAYLOAD(a) == count && (a->rta_type == IFA_LOCAL || (a->rta_type == IFA_ADDRESS && !own))) {
      own = RTA_DATA(a); // With a peer, IFA_ADDRESS is that one's.
    }
  }
  if (own) each(context, (int)found->ifa_index, own, found->ifa_prefixlen, is_marked);
}

int holdfast_addresses(int fd, size_t count, void (*each)(void *, int, const void *, int, int), void *context) {
  struct { struct nlmsghdr head; struct ifaddrmsg address; } r;
  memset(&r, 0, sizeof r);
  r.head.nlmsg_len = NLMSG_LENGTH(sizeof r.address);
  r.head.nlmsg_type = RTM_GETADDR;
  r.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  r.address.ifa_family = count == 4 ? AF_INET : AF_INET6;
  if (holdfast_route_send(fd, &r.head)) return -1;
  int is_torn = 0;
  // Each part is made as the one before it is taken, so nothing is waited for here. More than any host has.
  for (int parts = 0; parts < 100000;) {
    union { struct nlmsghdr head; char bytes[32768]; } answer; // The kernel makes none that is larger.
    const ssize_t got = recv(fd, &answer, sizeof answer, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    parts++;
    int left = (int)got;
    for (struct nlmsghdr *m = &answer.head; left > 0 && NLMSG_OK(m, (unsigned)left); m = NLMSG_NEXT(m, left)) {
      if (m->nlmsg_seq != r.head.nlmsg_seq) continue; // Of an earlier question.
      if (m->nlmsg_flags & NLM_F_DUMP_INTR) is_torn = 1;
      if (m->nlmsg_type == NLMSG_DONE || m->nlmsg_type == NLMSG_ERROR) {
        const int code = m->nlmsg_len >= NLMSG_LENGTH(sizeof(int)) ? *(const int *)NLMSG_DATA(m) : 0;
        if (code < 0) return errno = -code, -1;
        // Something changed meanwhile: one that moved may have been missed.
        return is_torn ? (errno = EAGAIN, -1) : 0;
      }
      holdfast_address_seen(m, count, each, context);
    }
  }
  return errno = EOVERFLOW, -1;
}

int holdfast_contains(const void *bytes, size_t count, const void *wanted, size_t wanted_count) {
  return memmem(bytes, count, wanted, wanted_count) != NULL;
}

int holdfast_memory_file(const void *bytes, size_t count) {
  int fd = memfd_create("holdfast", MFD_CLOEXEC);
  if (fd < 0) return -1;
  for (size_t done = 0; done < count;) {
    ssize_t n = pwrite(fd, (const char *)bytes + done, count - done, (off_t)done);
    if (n > 0) {
      done += (size_t)n;
    } else if (n == 0 || errno != EINTR) {
      int reason = n == 0 ? ENOSPC : errno;
      close(fd);
      errno = reason;
      return -1;
    }
  }
  return fd;
}

int holdfast_lock_memory(void) { return mlockall(MCL_CURRENT | MCL_FUTURE); }

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57 // Linux 5.6
#endif

int holdfast_spare_disks(void) { return prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0); }

int holdfast_is_in_memory(const char *path) {
  struct statfs s;
  if (statfs(path, &s)) return -1;
  return s.f_type == TMPFS_MAGIC || s.f_type == RAMFS_MAGIC;
}

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

int holdfast_watchdog_timeout_in_force(int fd) {
  int seconds = 0;
  return ioctl(fd, WDIOC_GETTIMEOUT, &seconds) == 0 ? seconds : -1;
}

int holdfast_lock_file(int fd) { return flock(fd, LOCK_EX | LOCK_NB); }
