// Load generator for HTTP/1.1 with keep-alive, one thread.
//   load -P PORT -b BODYFILE [-u PATH] [-H 'name: value']... [-c CONNECTIONS] [-r RATE] [-d SECONDS]
// Closed loop without -r: every connection always has one request open. With -r an open loop: so
// many requests a second, latency counted from the moment a request was due (no coordinated
// omission). No request is cut off: those open at the end are waited for. Prints one line of JSON;
// times in microseconds.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_BYTES = 8192, READ_BYTES = 1 << 16, REQUEST_BYTES = 1 << 20, MAX_SAMPLES = 1 << 21 };
static const long LAST_ANSWERS_NS = 10 * 1000000000L;
enum ChunkState { SIZE_LINE, CHUNK_DATA, CHUNK_END, LAST_LINE };

typedef struct {
  int fd, busy, head_done, body_seen, chunked;
  enum ChunkState state;
  long left;  // bytes of the body, or of the chunk
  long due_ns, first_byte_ns;
  char head[HEAD_BYTES];
  int head_length;
} Connection;

static char request[REQUEST_BYTES];
static int request_length, poller, port, connections = 64;
static Connection *all;
static int *idle, idle_count;
static int stopping;
static double rate;
static long *latencies, *first_bytes, samples, errors, not_ok;

static long now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000L + t.tv_nsec;
}

static int ascending(const void *a, const void *b) {
  long x = *(const long *)a, y = *(const long *)b;
  return (x > y) - (x < y);
}

static void dial(Connection *c) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int one = 1;
  c->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(c->fd, (struct sockaddr *)&address, sizeof address)) {
    perror("connect");
    exit(1);
  }
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  c->busy = 0;
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
  epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event);
}

static void fire(Connection *c, long due_ns) {
  c->busy = 1;
  c->head_done = c->head_length = c->body_seen = 0;
  c->due_ns = due_ns;
  c->first_byte_ns = 0;
  if (write(c->fd, request, request_length) != request_length) errors++;
}

static void next(Connection *c) {
  if (rate > 0 || stopping) {
    c->busy = 0;
    idle[idle_count++] = c - all;
  } else {
    fire(c, now_ns());
  }
}

static void finish(Connection *c) {
  if (samples < MAX_SAMPLES) {
    first_bytes[samples] = c->first_byte_ns;
    latencies[samples++] = now_ns() - c->due_ns;
  }
  next(c);
}

// Returns 1 at the end of a chunked body.
static int walk_chunks(Connection *c, const char *bytes, int length) {
  for (int i = 0; i < length;) {
    if (c->state == CHUNK_DATA) {
      long step = length - i < c->left ? length - i : c->left;
      i += step;
      c->left -= step;
      if (!c->left) c->state = CHUNK_END;
      continue;
    }
    char ch = bytes[i++];
    if (c->state == SIZE_LINE && ch != '\r' && ch != '\n') {
      c->left = c->left * 16 + (ch <= '9' ? ch - '0' : (ch | 32) - 'a' + 10);
    } else if (ch == '\n') {
      if (c->state == LAST_LINE) return 1;
      if (c->state == CHUNK_END) c->state = SIZE_LINE;
      else c->state = c->left ? CHUNK_DATA : LAST_LINE;
    }
  }
  return 0;
}

static void read_body(Connection *c, const char *bytes, int length) {
  if (length <= 0) return;
  if (!c->body_seen) {
    c->body_seen = 1;
    c->first_byte_ns = now_ns() - c->due_ns;
  }
  if (c->chunked) {
    if (walk_chunks(c, bytes, length)) finish(c);
    return;
  }
  c->left -= length;
  if (c->left <= 0) finish(c);
}

// Returns how many of the bytes belong to the head, or -1 while it is incomplete.
static int read_head(Connection *c, const char *bytes, int length) {
  int room = HEAD_BYTES - 1 - c->head_length;
  int taken = length < room ? length : room;
  memcpy(c->head + c->head_length, bytes, taken);
  c->head[c->head_length + taken] = 0;
  char *end = strstr(c->head, "\r\n\r\n");
  if (!end) {
    c->head_length += taken;
    return -1;
  }
  int used = end + 4 - c->head - c->head_length;
  end[2] = 0;
  c->head_done = 1;
  if (strncmp(c->head + 9, "200", 3) && !not_ok++)
    fprintf(stderr, "%s\n%.*s\n", c->head, length - used, bytes + used);
  c->chunked = strcasestr(c->head, "\ntransfer-encoding: chunked") != 0;
  c->state = SIZE_LINE;
  char *size = strcasestr(c->head, "\ncontent-length:");
  c->left = size && !c->chunked ? atol(size + 16) : 0;
  return used;
}

static void on_readable(Connection *c) {
  static char bytes[READ_BYTES];
  ssize_t length = read(c->fd, bytes, sizeof bytes);
  if (length <= 0) {
    int was_busy = c->busy;
    close(c->fd);
    dial(c);
    if (was_busy) {
      errors++;
      next(c);
    }
    return;
  }
  int used = 0;
  if (!c->head_done) {
    used = read_head(c, bytes, length);
    if (used < 0) return;
    if (!c->chunked && c->left == 0) {
      finish(c);
      return;
    }
  }
  read_body(c, bytes + used, length - used);
}

static void build_request(const char *path, const char *headers, const char *body_file) {
  static char body[REQUEST_BYTES / 2];
  FILE *file = fopen(body_file, "r");
  if (!file) {
    perror(body_file);
    exit(1);
  }
  int length = fread(body, 1, sizeof body, file);
  fclose(file);
  request_length = sprintf(request,
                           "POST %s HTTP/1.1\r\nhost: 127.0.0.1:%d\r\ncontent-type: "
                           "application/json\r\n%scontent-length: %d\r\n\r\n",
                           path, port, headers, length);
  memcpy(request + request_length, body, length);
  request_length += length;
}

static int busy(void) {
  int count = 0;
  for (int i = 0; i < connections; i++) count += all[i].busy;
  return count;
}

static void run(double seconds) {
  long start = now_ns(), end = start + seconds * 1e9, due = start;
  struct epoll_event events[512];
  if (rate <= 0)
    for (int i = 0; i < connections; i++) fire(&all[i], now_ns());
  for (;;) {
    long now = now_ns();
    if (!stopping && now >= end) {
      stopping = 1;
      if (rate <= 0) idle_count = 0;
      end += LAST_ANSWERS_NS;
    }
    if (stopping && (busy() == 0 || now >= end)) break;
    while (!stopping && rate > 0 && due <= now && idle_count > 0) {
      fire(&all[idle[--idle_count]], due);
      due += 1e9 / rate;
    }
    long wait = (!stopping && rate > 0 && idle_count > 0 ? due : end) - now_ns();
    struct timespec timeout = {0};
    if (wait > 0) timeout = (struct timespec){wait / 1000000000, wait % 1000000000};
    int count = epoll_pwait2(poller, events, 512, &timeout, 0);
    for (int i = 0; i < count; i++) on_readable(events[i].data.ptr);
  }
}

static double at(const long *sorted, double share) {
  return samples ? sorted[(long)((samples - 1) * share)] / 1e3 : 0;
}

int main(int argc, char **argv) {
  char *path = "/v1/chat/completions", *body_file = "", headers[HEAD_BYTES] = "";
  double seconds = 3;
  int option;
  while ((option = getopt(argc, argv, "P:u:b:H:c:r:d:")) > 0) switch (option) {
      case 'P': port = atoi(optarg); break;
      case 'u': path = optarg; break;
      case 'b': body_file = optarg; break;
      case 'H':
        strncat(headers, optarg, sizeof headers - strlen(headers) - 3);
        strcat(headers, "\r\n");
        break;
      case 'c': connections = atoi(optarg); break;
      case 'r': rate = atof(optarg); break;
      case 'd': seconds = atof(optarg); break;
      default: return 2;
    }
  build_request(path, headers, body_file);
  all = calloc(connections, sizeof *all);
  idle = malloc(connections * sizeof *idle);
  latencies = malloc(MAX_SAMPLES * sizeof *latencies);
  first_bytes = malloc(MAX_SAMPLES * sizeof *first_bytes);
  poller = epoll_create1(0);
  for (int i = 0; i < connections; i++) {
    dial(&all[i]);
    idle[idle_count++] = i;
  }
  run(seconds);
  qsort(latencies, samples, sizeof *latencies, ascending);
  qsort(first_bytes, samples, sizeof *first_bytes, ascending);
  printf(
      "{\"requests\":%ld,\"errors\":%ld,\"notOk\":%ld,\"p50Us\":%.1f,\"p99Us\":%.1f,"
      "\"firstByteP50Us\":%.1f}\n",
      samples, errors + busy(), not_ok, at(latencies, 0.5), at(latencies, 0.99), at(first_bytes, 0.5));
}
