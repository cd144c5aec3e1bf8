// What the lab's containers and machines run as their first process, and its hosts as a part of a workload of their own: it proves by its trace where it
// executes, and answers over HTTP.
//
// Every 10 ms (or BEAT_MS) it appends "NODE EPOCH BOOTTIME_NS START_NS\n" to /beats/NAME (BEAT_FOLDER/NAME). START_NS is the process's start on the boot
// clock, which no PID namespace changes: with it, even two on one node under one epoch are told apart. The first line of a
// life ends in " first". On port 80 (of BEAT_ADDRESS alone, which need not be up yet) it answers "NAME NODE EPOCH COUNTER\n": the counter is in memory only, so it goes on
// after a pause and begins anew after a restart. Asked for /flaky, it fails with status 503 every second time.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <net/ethernet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { connections_at_most = 64, announcements = 3, beats_between_announcements = 10 };

static const char *name, *node, *epoch;
static long long start;

static void leave(const char *what) {
  fprintf(stderr, "beat: %s: %s\n", what, strerror(errno));
  exit(1);
}
static void terminated(int signal) {
  (void)signal;
  _exit(0);
}
static const char *environment(const char *variable, const char *otherwise) {
  const char *value = getenv(variable);
  return value && *value ? value : otherwise;
}

static long long boot_clock(void) {
  struct timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

// The 22nd field of /proc/self/stat, in clock ticks since boot; the command's name before it may hold anything but ')'.
static long long process_start(void) {
  char text[1024];
  int file = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
  ssize_t length = file < 0 ? -1 : read(file, text, sizeof text - 1);
  if (length <= 0) leave("/proc/self/stat");
  close(file);
  text[length] = 0;
  char *at = strrchr(text, ')');
  for (int field = 2; at && field < 22; field++) at = strchr(at + 1, ' ');
  if (!at) leave("/proc/self/stat has too few fields");
  return strtoll(at, NULL, 10) * (1000000000LL / sysconf(_SC_CLK_TCK));
}

static int open_trace(void) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", environment("BEAT_FOLDER", "/beats"), name);
  int trace = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (trace < 0) leave(path);
  // A line that a killed predecessor left half written is ended, so that ours stand alone.
  off_t end = lseek(trace, 0, SEEK_END);
  char last = '\n';
  if (end > 0 && pread(trace, &last, 1, end - 1) == 1 && last != '\n' && write(trace, "\n", 1) != 1) leave(path);
  return trace;
}

static void beat(int trace, const char *mark) {
  char line[256];
  int length = snprintf(line, sizeof line, "%s %s %lld %lld%s\n", node, epoch, boot_clock(), start, mark);
  if (write(trace, line, length) != length) leave("appending to the trace");
}

// A gratuitous ARP: the switches learn at once at which of their ports the container is now.
static void announce(void) {
  struct ifreq interface = {.ifr_name = "eth0"};
  int ask = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  unsigned char frame[28] = {0, 1, 8, 0, 6, 4, 0, 1};
  struct sockaddr_ll to = {
      .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP), .sll_halen = 6, .sll_addr = {255, 255, 255, 255, 255, 255}};
  if (ioctl(ask, SIOCGIFHWADDR, &interface) == 0) {
    memcpy(frame + 8, interface.ifr_hwaddr.sa_data, 6);
    if (ioctl(ask, SIOCGIFADDR, &interface) == 0) {
      struct sockaddr_in address;
      memcpy(&address, &interface.ifr_addr, sizeof address);
      memcpy(frame + 14, &address.sin_addr, 4);
      memcpy(frame + 24, &address.sin_addr, 4);
      to.sll_ifindex = if_nametoindex("eth0");
      int raw = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_ARP));
      if (raw >= 0) {
        sendto(raw, frame, sizeof frame, 0, (struct sockaddr *)&to, sizeof to);
        close(raw);
      }
    }
  }
  close(ask);
}

static int listen_at_80(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(80)};
  const char *own = environment("BEAT_ADDRESS", "0.0.0.0");
  if (inet_pton(AF_INET, own, &address.sin_addr) != 1) leave(own);
  int one = 1, server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  setsockopt(server, IPPROTO_IP, IP_FREEBIND, &one, sizeof one);
  if (bind(server, (struct sockaddr *)&address, sizeof address) || listen(server, 128)) leave("listening at port 80");
  return server;
}

// Whatever is asked, the answer is the same, but for the status of /flaky; a request that is not there yet is waited for by the
// caller.
static int answered(int client, long long counter) {
  static const char flaky[] = "GET /flaky ";
  static unsigned long flaky_asked;
  char request[1024], body[256], answer[512];
  ssize_t length = recv(client, request, sizeof request, 0);
  if (length < 0) return errno != EAGAIN;
  if (length == 0) return 1;
  int is_flaky = length >= (ssize_t)(sizeof flaky - 1) && memcmp(request, flaky, sizeof flaky - 1) == 0;
  const char *status = is_flaky && flaky_asked++ % 2 ? "503 Service Unavailable" : "200 OK";
  int size = snprintf(body, sizeof body, "%s %s %s %lld\n", name, node, epoch, counter);
  int total = snprintf(answer, sizeof answer,
      "HTTP/1.0 %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", status, size, body);
  send(client, answer, total, MSG_NOSIGNAL);
  shutdown(client, SHUT_WR);
  return 1;
}

// The others keep their order: who came first is first.
static void drop(struct pollfd *waiting, int i, int *used) {
  memmove(waiting + i, waiting + i + 1, (size_t)(--*used - i) * sizeof *waiting);
}

static void serve(int timer, int server, int trace) {
  struct pollfd waiting[2 + connections_at_most] = {{timer, POLLIN, 0}, {server, POLLIN, 0}};
  int used = 2;
  for (long long counter = 1;;) {
    if (poll(waiting, used, -1) < 0 && errno != EINTR) leave("poll");
    unsigned long long expirations;
    if (read(timer, &expirations, sizeof expirations) == sizeof expirations) {
      beat(trace, "");
      counter++;
      if (counter % beats_between_announcements == 0 && counter / beats_between_announcements < announcements) announce();
    }
    for (int i = 2; i < used;) {
      if (waiting[i].revents && answered(waiting[i].fd, counter)) {
        close(waiting[i].fd);
        drop(waiting, i, &used);
      } else {
        i++;
      }
    }
    int client;
    while (used < 2 + connections_at_most && (client = accept4(server, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
      waiting[used++] = (struct pollfd){client, POLLIN, 0};
    // Full of clients that say nothing: the oldest makes room.
    if (used == 2 + connections_at_most) {
      close(waiting[2].fd);
      drop(waiting, 2, &used);
    }
  }
}

int main(void) {
  // The first process of a PID namespace gets no signal that it does not handle.
  signal(SIGTERM, terminated);
  name = environment("LIBVIRT_LXC_NAME", environment("HOLDFAST_WORKLOAD", "unnamed"));
  node = environment("HOLDFAST_NODE", "-");
  epoch = environment("HOLDFAST_EPOCH", "-");
  start = process_start();
  int trace = open_trace(), server = listen_at_80();
  int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  long ms = strtol(environment("BEAT_MS", "10"), NULL, 10);
  if (ms < 1 || ms > 999) leave("BEAT_MS is not 1 to 999");
  struct itimerspec every = {{0, ms * 1000 * 1000}, {0, ms * 1000 * 1000}};
  if (timer < 0 || timerfd_settime(timer, 0, &every, NULL)) leave("timerfd");
  beat(trace, " first");
  announce();
  serve(timer, server, trace);
}
