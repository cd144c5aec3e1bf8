// What the lab's switch sees of some IPv4 addresses: one line for every frame in which a host speaks as one of them, whether it answers a
// question for the address (ARP), announces it, or sends from it.
//
//     BOOTTIME_NS PORT MAC ADDRESS arp|ip
//
// Frames are seen as they come in at the ports, before a cut loses them: a host that is cut off and speaks on is seen. The first line is "capture of"
// and the addresses; "lost N" says that N frames were not seen, as this program was too slow.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

enum {
  addresses_at_most = 16, ports_at_most = 128, bytes_wanted = 64, buffer_bytes = 8 << 20,
  type_at = 12, sender_in_arp_at = 28, source_in_ip_at = 26, source_mac_at = 6
};

static in_addr_t addresses[addresses_at_most];
static int count;

static void leave(const char *what) {
  fprintf(stderr, "frames: %s: %s\n", what, strerror(errno));
  exit(1);
}

static long long nanoseconds(struct timespec time) { return time.tv_sec * 1000000000LL + time.tv_nsec; }

// The kernel stamps frames with the wall clock.
static long long boot_clock(struct timespec stamp) {
  struct timespec boot, wall;
  clock_gettime(CLOCK_BOOTTIME, &boot);
  clock_gettime(CLOCK_REALTIME, &wall);
  return nanoseconds(boot) - (nanoseconds(wall) - nanoseconds(stamp));
}

// In the kernel, so that a migration's flood of frames costs nothing here: the sender of ARP, or the source of IPv4, is one of the addresses.
static void want_addresses_only(int sock) {
  struct sock_filter code[8 + addresses_at_most];
  int length = 0;
  code[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_H | BPF_ABS, type_at);
  code[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_ARP, 0, 2);
  code[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, sender_in_arp_at);
  code[length++] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 2);
  code[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_IP, 0, count + 1);
  code[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, source_in_ip_at);
  for (int i = 0; i < count; i++)
    code[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(addresses[i]), count - i, 0);
  code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
  code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, bytes_wanted);
  struct sock_fprog program = {length, code};
  if (setsockopt(sock, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program)) leave("the filter");
}

// Remembered: a frame may be read when its port is gone with a host's power.
static const char *port_name(int index) {
  static struct { int index; char name[IF_NAMESIZE]; } ports[ports_at_most];
  static int known;
  for (int i = 0; i < known; i++) if (ports[i].index == index) return ports[i].name;
  char name[IF_NAMESIZE];
  if (known == ports_at_most || !if_indextoname(index, name)) return "?";
  ports[known].index = index;
  return strcpy(ports[known++].name, name);
}

static void tell(const unsigned char *frame, ssize_t length, int port, struct timespec stamp) {
  int is_arp = frame[type_at] == ETHERTYPE_ARP >> 8 && frame[type_at + 1] == (ETHERTYPE_ARP & 0xff);
  int at = is_arp ? sender_in_arp_at : source_in_ip_at;
  if (length < at + 4) return;
  const unsigned char *mac = frame + source_mac_at, *address = frame + at;
  printf("%lld %s %02x:%02x:%02x:%02x:%02x:%02x %d.%d.%d.%d %s\n", boot_clock(stamp), port_name(port), mac[0], mac[1], mac[2], mac[3],
      mac[4], mac[5], address[0], address[1], address[2], address[3], is_arp ? "arp" : "ip");
}

// Once a second, and when nothing comes: frames may come without a pause.
static void tell_losses(int sock, struct timespec now) {
  static struct timespec last;
  struct tpacket_stats seen;
  if (nanoseconds(now) - nanoseconds(last) < 1000000000LL) return;
  last = now;
  socklen_t size = sizeof seen;
  if (getsockopt(sock, SOL_PACKET, PACKET_STATISTICS, &seen, &size)) leave("the losses");
  if (seen.tp_drops) printf("lost %u\n", seen.tp_drops);
}

static void follow(int sock, int bridge) {
  for (;;) {
    unsigned char frame[bytes_wanted];
    char control[CMSG_SPACE(sizeof(struct timespec))];
    struct sockaddr_ll from;
    struct iovec bytes = {frame, sizeof frame};
    struct msghdr message = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &bytes, .msg_iovlen = 1,
        .msg_control = control, .msg_controllen = sizeof control};
    ssize_t length = recvmsg(sock, &message, 0);
    if (length < 0) {
      // The time is up. (A port that goes down is told as an error, too.)
      if (errno != EAGAIN && errno != EINTR && errno != ENETDOWN) leave("recvmsg");
      struct timespec now;
      clock_gettime(CLOCK_REALTIME, &now);
      tell_losses(sock, now);
      continue;
    }
    // What goes out at a port, or up to the bridge itself, has come in at another.
    if (from.sll_pkttype == PACKET_OUTGOING || from.sll_ifindex == bridge) continue;
    struct timespec stamp;
    struct cmsghdr *part = CMSG_FIRSTHDR(&message);
    if (!part || part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_TIMESTAMPNS) leave("a frame without its time");
    memcpy(&stamp, CMSG_DATA(part), sizeof stamp);
    tell(frame, length, from.sll_ifindex, stamp);
    tell_losses(sock, stamp);
  }
}

int main(int arguments, char **argument) {
  if (arguments < 2 || arguments > addresses_at_most + 1) {
    fprintf(stderr, "usage: frames ADDRESS...\n");
    return 2;
  }
  int sock = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), one = 1, size = buffer_bytes;
  if (sock < 0) leave("a packet socket");
  for (int i = 1; i < arguments; i++) {
    if (inet_pton(AF_INET, argument[i], &addresses[count++]) != 1) {
      fprintf(stderr, "frames: '%s' is no IPv4 address\n", argument[i]);
      return 2;
    }
  }
  want_addresses_only(sock);
  struct timeval pause = {0, 100 * 1000};
  if (setsockopt(sock, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) || setsockopt(sock, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one) ||
      setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &pause, sizeof pause))
    leave("the socket's options");
  // From here on frames come in: those that the filter lets through.
  struct sockaddr_ll everywhere = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
  if (bind(sock, (struct sockaddr *)&everywhere, sizeof everywhere)) leave("bind");
  setvbuf(stdout, NULL, _IOLBF, 0);
  printf("capture of");
  for (int i = 1; i < arguments; i++) printf(" %s", argument[i]);
  printf("\n");
  follow(sock, if_nametoindex("br0"));
}
